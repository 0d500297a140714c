#include "models/run/rank_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <vector>

#include "models/checkpoint/config_json.h"
#include "models/data/fingerprint.h"
#include "runtime/base/host_tensor.h"
#include "runtime/device/memory.h"
#include "runtime/io/files.h"

namespace dcgan {
namespace {

using Json = nlohmann::ordered_json;

// Where things are, and what changes no result: a rank may have its own.
const std::set<std::string_view> kOwn = {
    "data",           "allow-data-change", "cache", "workers", "device",
    "tune",           "image-memory",      "out",   "threads", "resume",
    "init-generator", "init-discriminator"};

std::string hash_of(ConstTensorView host) {
  return bytes_hash({static_cast<const std::byte*>(host.data), host.bytes()});
}

// Every rank's text, of any length.
std::vector<std::string> gather_texts(const Context& context, Communicator& ranks,
                                      const std::string& text) {
  const Buffer size_memory(context, sizeof(std::int64_t));
  const TensorView size(size_memory.data(), {1}, DType::i64);
  auto longest = static_cast<std::int64_t>(text.size());
  upload(context, ConstTensorView(&longest, {1}), size);
  ranks.all_reduce(context, size, ReduceOp::max);
  download(context, size, TensorView(&longest, {1}));

  std::string padded = text;
  padded.resize(static_cast<std::size_t>(longest), ' ');  // white space behind JSON
  const Buffer memory(context, static_cast<std::size_t>(longest * (ranks.size() + 1)));
  const TensorView own(memory.data(), {longest}, DType::u8);
  const TensorView all(memory.data() + longest, {ranks.size() * longest}, DType::u8);
  upload(context, ConstTensorView(padded.data(), own.shape, DType::u8), own);
  ranks.all_gather(context, own, all);
  HostTensor host(all.shape, DType::u8);
  download(context, all, host.view());
  std::vector<std::string> texts;
  for (int rank = 0; rank < ranks.size(); ++rank) {
    const ConstTensorView part = host.view().rows(rank * longest, longest);
    texts.emplace_back(static_cast<const char*>(part.data), part.bytes());
  }
  return texts;
}

// "": all are the same.
std::string difference(const std::vector<std::string>& texts) {
  const Json first = Json::parse(texts.front());
  for (std::size_t rank = 1; rank < texts.size(); ++rank) {
    const Json other = Json::parse(texts[rank]);
    for (const auto& [field, value] : first.items()) {
      const Json found = other.value(field, Json());
      if (found == value) continue;
      return fmt::format("ranks: {} is {} on rank 0 and {} on rank {}", field, value.dump(),
                         found.dump(), rank);
    }
  }
  return {};
}

}  // namespace

void wait_for_all(Communicator& ranks) try { ranks.barrier(); } catch (const Error& error) {
  if (error.kind() != ErrorKind::peer_lost) throw;
}

std::string rank_facts(const RunOptions& options, const Dataset& dataset, std::int64_t step,
                       std::string_view weights) {
  Json facts;
  visit_options(options, [&facts](const OptionInfo& info, const auto& field) {
    if (kOwn.count(info.name) > 0) return;
    facts["--" + std::string(info.name)] = config_json::to_json(field);
  });
  facts["images of the data set"] = dataset.size();
  // A packed file has checksums of its pixels: a rank need not read those of the others' images.
  facts["contents of the data set"] = contents_hash(dataset);
  facts["first step"] = step;
  facts["weights"] = std::string(weights);
  return facts.dump();
}

void require_same_facts(const Context& context, Communicator& ranks, const std::string& facts) {
  const std::string text = difference(gather_texts(context, ranks, facts));
  if (text.empty()) return;
  wait_for_all(ranks);
  throw Error(ErrorKind::config, text);
}

std::string weights_hash(const Context& context, const Network& generator,
                         const Network& discriminator) {
  std::string all;
  for (const Network* network : {&generator, &discriminator}) {
    const Parameters& parameters = network->parameters();
    for (const ParameterArray array :
         {ParameterArray::values, ParameterArray::first_moment, ParameterArray::second_moment}) {
      const TensorView flat = parameters.flat(array);
      HostTensor host(flat.shape, flat.dtype);
      download(context, flat, host.view());
      all += hash_of(host.view());
    }
  }
  return bytes_hash(std::as_bytes(std::span(all)));
}

}  // namespace dcgan
