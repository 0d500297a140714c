// Times candidates the way a training step runs them: captured in a CUDA graph, each call on
// buffers that the calls before it have not left in the caches.
#pragma once

#include <functional>

#include "kernels/vendor/tuner.h"
#include "runtime/base/tensor.h"
#include "runtime/device/context.h"

namespace dcgan::cuda {

/// The buffers that candidates run on. They belong to the caller, who fills them with random data:
/// a GPU clocks higher on zeros than on any real data.
struct TimingWork {
  int buffer_sets = 1;            ///< calls rotate over them
  std::function<void()> refresh;  ///< enqueues: zeroes the results, restores what calls overwrite
  ConstTensorView result;         ///< of set 0; f32 or bf16
};

/// As many sets as are together twice as large as the L2 cache, between 2 and 8: where 8 are not
/// enough, a call is so short that its launch weighs more than its memory.
int buffer_sets_for(std::size_t set_bytes, std::size_t l2_bytes);

class GraphTimer final : public CandidateTimer {
 public:
  /// On a GPU that is otherwise idle. The context must outlive the timer.
  GraphTimer(const Context& context, TimingWork work);
  /// Up to 16 pieces of the result, evenly spread, 1 MiB each.
  std::vector<float> result_of(const TuningCandidate& candidate) override;
  /// The median of five launches of a graph of at least eight calls.
  double median_ms(const TuningCandidate& candidate) override;

 private:
  const Context& context_;
  TimingWork work_;
};

}  // namespace dcgan::cuda
