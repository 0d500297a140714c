#include "models/data/dataset_cache.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "runtime/base/printable.h"
#include "runtime/io/output_file.h"
#include "runtime/io/safetensors/safetensors.h"

namespace dcgan {
namespace {

constexpr const char* kFormat = "dcgan-dataset-1";

/// XXH3 of several pieces, each preceded by its length.
class Hash {
 public:
  Hash() : state_(XXH3_createState(), XXH3_freeState) {
    DCGAN_CHECK(state_ != nullptr && XXH3_64bits_reset(state_.get()) == XXH_OK, "xxhash: no state");
  }
  void add(const void* data, std::size_t bytes) {
    const std::uint64_t length = bytes;
    update(&length, sizeof length);
    if (bytes > 0) update(data, bytes);
  }
  void add(const std::string& text) { add(text.data(), text.size()); }
  template <class Values>
  void add_all(const Values& values) {
    add(values.data(), values.size() * sizeof(*values.data()));
  }
  std::string hex() const { return fmt::format("{:016x}", XXH3_64bits_digest(state_.get())); }

 private:
  void update(const void* data, std::size_t bytes) {
    DCGAN_CHECK(XXH3_64bits_update(state_.get(), data, bytes) == XXH_OK, "xxhash: update");
  }
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state_;
};

/// path NUL reason NUL, each. In a tensor and not in the metadata: paths need not be UTF-8.
std::vector<std::uint8_t> pack(const std::vector<SkippedFile>& skipped) {
  std::vector<std::uint8_t> bytes;
  const auto append = [&](const std::string& text) {
    bytes.insert(bytes.end(), text.begin(), text.end());
    bytes.push_back(0);
  };
  for (const SkippedFile& file : skipped) {
    append(file.path);
    append(file.reason);
  }
  return bytes;
}

std::vector<SkippedFile> unpack(const std::vector<std::uint8_t>& bytes) {
  std::vector<std::string> texts;
  for (auto begin = bytes.begin(); begin != bytes.end();) {
    const auto end = std::find(begin, bytes.end(), std::uint8_t{0});
    texts.emplace_back(begin, end);
    begin = end == bytes.end() ? end : end + 1;
  }
  std::vector<SkippedFile> skipped;
  for (std::size_t i = 0; i + 1 < texts.size(); i += 2) skipped.push_back({texts[i], texts[i + 1]});
  return skipped;
}

std::string contents_hash(const PixelMemory& pixels, const std::vector<std::int32_t>& labels,
                          const std::vector<std::uint8_t>& skipped) {
  Hash hash;
  hash.add_all(pixels);
  hash.add_all(labels);
  hash.add_all(skipped);
  return hash.hex();
}

template <class T>
std::vector<T> values_of(const SafetensorsFile& file, const std::string& name) {
  if (file.find(name) == nullptr) return {};
  const HostTensor tensor = file.read(name);
  const ConstTensorView view = tensor.view();
  if (view.dtype != dtype_of<T>) {
    fail(ErrorKind::bad_data, "{} holds {}", name, name_of(view.dtype));
  }
  return {view.as<T>(), view.as<T>() + view.elements()};
}

/// Throws Error(bad_data) when the contents are not what was written.
Dataset contents(const SafetensorsFile& file, const DatasetOptions& options) {
  const SafetensorsEntry* entry = file.find("pixels");
  const std::int64_t side = options.image_size;
  if (entry == nullptr || entry->dtype != "U8" || entry->extents.size() != 4 ||
      entry->extents[1] != side || entry->extents[2] != side ||
      entry->extents[3] != options.channels) {
    fail(ErrorKind::bad_data, "no pixels (M, {}, {}, {})", side, side, options.channels);
  }
  Dataset result;
  result.shape = {entry->extents[0], side, side, options.channels};
  result.pixels = values_of<std::uint8_t>(file, "pixels");
  result.labels = values_of<std::int32_t>(file, "labels");
  const std::vector<std::uint8_t> skipped = values_of<std::uint8_t>(file, "skipped");
  const auto hash = file.metadata().find("contents_hash");
  if (hash == file.metadata().end() ||
      hash->second != contents_hash(result.pixels, result.labels, skipped)) {
    fail(ErrorKind::bad_data, "the contents do not have the hash they were written with");
  }
  result.skipped = unpack(skipped);
  return result;
}

/// "image_size was 64, is 32", or empty when nothing differs.
std::string difference(const CacheKey& key, const std::map<std::string, std::string>& metadata) {
  for (const auto& [name, value] : key) {
    const auto found = metadata.find(name);
    const std::string was = found == metadata.end() ? "unknown" : found->second;
    if (was != value) {
      return fmt::format("{} was {}, is {}", name, printable(was, kMostShown), value);
    }
  }
  return "";
}

/// Written by us, to go by the beginning of the header, which stays readable when the rest of the
/// file is damaged or missing: only such a file is rebuilt.
void require_own_cache(const std::filesystem::path& path) {
  const OpenedFile file = open_regular_file(path);
  std::string head(1024, '\0');
  head.resize(read_some(file.descriptor, std::as_writable_bytes(std::span(head)), path));
  constexpr std::size_t kLengthBytes = 8;
  const std::string_view header =
      std::string_view(head).substr(std::min(head.size(), kLengthBytes));
  const std::size_t format = header.find("\"format\":\"dcgan-dataset-");
  if (header.starts_with("{\"__metadata__\":{") && format != std::string_view::npos) return;
  fail(ErrorKind::config, "--cache {}: no data-set cache of this program; it is left as it is",
       path.string());
}

}  // namespace

CacheKey cache_key(const DatasetOptions& options, const ImageListing& listing) {
  // Names decide the classes taken and the labels, so neither needs a field of its own.
  Hash hash;
  hash.add(options.path.string());
  for (const ImageFile& file : listing.files) {
    hash.add(file.name);
    hash.add(file.problem);
    hash.add(&file.bytes, sizeof file.bytes);
    hash.add(&file.modified, sizeof file.modified);
  }
  return {{"image_size", fmt::to_string(options.image_size)},
          {"channels", fmt::to_string(options.channels)},
          {"on_corrupt", options.on_corrupt == CorruptPolicy::fail ? "fail" : "skip"},
          {"file_count", fmt::to_string(listing.files.size())},
          {"files_hash", hash.hex()}};
}

std::optional<Dataset> read_dataset_cache(const DatasetOptions& options, const CacheKey& key,
                                          std::vector<std::string>& notes) {
  const std::string name = options.cache.string();
  require_output_file("--cache", options.cache, FileKind::safetensors);
  if (std::error_code error; !std::filesystem::exists(options.cache, error)) return std::nullopt;
  require_own_cache(options.cache);
  try {
    const SafetensorsFile file(options.cache);
    const auto format = file.metadata().find("format");
    const std::string was = format == file.metadata().end() ? "unknown" : format->second;
    const std::string changed = was != kFormat
                                    ? fmt::format("format was {}, is {}", in_quotes(was), kFormat)
                                    : difference(key, file.metadata());
    if (changed.empty()) return contents(file, options);
    notes.push_back(fmt::format("cache {} is stale and is rebuilt: {}", name, changed));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_data) throw;
    notes.push_back(fmt::format("cache {} is damaged and is rebuilt: {}", name, error.what()));
  }
  return std::nullopt;
}

void write_dataset_cache(const DatasetOptions& options, const CacheKey& key,
                         const Dataset& dataset) {
  const std::vector<std::uint8_t> skipped = pack(dataset.skipped);
  std::vector<SafetensorsItem> items{{"pixels", dataset.images()}};
  const auto length = [](const auto& values) {
    return Shape{static_cast<std::int64_t>(values.size())};
  };
  if (!dataset.labels.empty()) {
    items.push_back({"labels", {dataset.labels.data(), length(dataset.labels)}});
  }
  if (!skipped.empty()) items.push_back({"skipped", {skipped.data(), length(skipped)}});
  std::map<std::string, std::string> metadata(key.begin(), key.end());
  metadata["format"] = kFormat;
  metadata["contents_hash"] = contents_hash(dataset.pixels, dataset.labels, skipped);
  write_safetensors(options.cache, std::move(items), metadata);
}

}  // namespace dcgan
