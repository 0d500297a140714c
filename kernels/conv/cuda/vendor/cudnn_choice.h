// The choice of a cuDNN plan for a convolution product, and its execution. Included by .cpp only.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "kernels/conv/cuda/vendor/cudnn_conv.h"
#include "kernels/vendor/cuda/libraries.h"

namespace dcgan::cuda {

/// A plan that can be run on a stream again and again.
class ConvRunner {
 public:
  ConvRunner(std::shared_ptr<const Libraries> libraries, ExecutionPlan plan, std::string name);

  std::size_t workspace_bytes() const { return static_cast<std::size_t>(plan_.workspace_bytes); }
  const std::string& name() const { return name_; }  ///< how it was chosen: "0.121 ms, best of 24"
  void set_name(std::string name) { name_ = std::move(name); }
  /// For the plan cache. Throws Error when the engine's plans cannot be put into words.
  std::string plan_text() const;
  /// Enqueues. Pointers must be multiples of 16 bytes, the workspace at least workspace_bytes().
  void run(const void* image, const void* weights, const void* features, void* workspace);

 private:
  std::shared_ptr<const Libraries> libraries_;
  ExecutionPlan plan_;
  std::string name_;
  std::array<const void*, 4> bound_{};
  std::optional<Descriptor> pack_;  // of bound_: rebuilt only when a pointer changes
};

/// Chooses as `tuning` says. Candidates are timed on the context's device, which must be idle; the
/// result comes from the plan cache when this GPU, cuDNN, problem and tuning were timed before. A
/// candidate that fails when it is timed is passed over, and so is timing when there is no memory
/// for it: the name says so. Nothing when no engine computes the problem.
std::optional<ConvRunner> choose_plan(const Context& context,
                                      const std::shared_ptr<const Libraries>& libraries,
                                      const ConvProblem& problem, ConvTuning tuning);

}  // namespace dcgan::cuda
