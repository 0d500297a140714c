#include "kernels/vendor/graph_timer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/base/bf16.h"
#include "runtime/base/build_config.h"
#include "runtime/device/event.h"
#include "runtime/device/graph.h"
#include "runtime/device/memory.h"

namespace dcgan::cuda {
namespace {

constexpr int kLeastCalls = 8;
constexpr int kSamples = kEmulated ? 1 : 5;  // there a time means nothing

template <class T>
std::vector<float> read_sample(const Context& context, ConstTensorView view) {
  constexpr std::int64_t kMostPieces = 16;
  constexpr std::int64_t kPiece = (std::int64_t{1} << 20) / static_cast<std::int64_t>(sizeof(T));
  const std::int64_t count = view.elements();
  const std::int64_t piece = std::min(count, kPiece);
  const std::int64_t pieces = std::clamp<std::int64_t>(count / piece, 1, kMostPieces);
  const T* const all = view.as<T>();
  std::vector<T> read(static_cast<std::size_t>(piece * pieces));
  for (std::int64_t i = 0; i < pieces; ++i) {
    const std::int64_t first = pieces == 1 ? 0 : (count - piece) * i / (pieces - 1);
    download(context, ConstTensorView(all + first, {piece}),
             TensorView(read.data() + i * piece, {piece}));
  }
  std::vector<float> values(read.size());
  std::transform(read.begin(), read.end(), values.begin(),
                 [](T value) { return static_cast<float>(value); });
  return values;
}

}  // namespace

int buffer_sets_for(std::size_t set_bytes, std::size_t l2_bytes) {
  constexpr std::size_t kFewest = 2, kMost = 8;
  const std::size_t wanted = 2 * l2_bytes / std::max<std::size_t>(set_bytes, 1) + 1;
  return static_cast<int>(std::clamp(wanted, kFewest, kMost));
}

GraphTimer::GraphTimer(const Context& context, TimingWork work)
    : context_(context), work_(std::move(work)) {}

std::vector<float> GraphTimer::result_of(const TuningCandidate& candidate) {
  work_.refresh();
  candidate.enqueue(0);
  context_.synchronize();
  if (work_.result.dtype == DType::bf16) return read_sample<bf16>(context_, work_.result);
  return read_sample<float>(context_, work_.result);
}

double GraphTimer::median_ms(const TuningCandidate& candidate) {
  const int rounds = (kLeastCalls + work_.buffer_sets - 1) / work_.buffer_sets;
  const Graph graph(context_, [&] {
    for (int round = 0; round < rounds; ++round) {
      for (int set = 0; set < work_.buffer_sets; ++set) candidate.enqueue(set);
    }
  });
  work_.refresh();
  graph.launch(context_);  // the first launch uploads the graph
  Event begin(context_), end(context_);
  std::array<double, kSamples> samples_ms{};
  for (double& sample_ms : samples_ms) {
    begin.record(context_);
    graph.launch(context_);
    end.record(context_);
    end.synchronize();
    sample_ms = end.elapsed_ms(begin) / (rounds * work_.buffer_sets);
  }
  std::nth_element(samples_ms.begin(), samples_ms.begin() + kSamples / 2, samples_ms.end());
  return samples_ms[kSamples / 2];
}

}  // namespace dcgan::cuda
