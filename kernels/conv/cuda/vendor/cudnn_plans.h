// cuDNN's plans for one product of an underlying convolution: a list that is built as it is asked
// for, and their execution. Included by .cpp files only.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernels/conv/cuda/vendor/cudnn_conv.h"
#include "kernels/vendor/cuda/libraries.h"

namespace dcgan::cuda {

/// A plan that can be run again and again.
class CudnnRunner {
 public:
  explicit CudnnRunner(ExecutionPlan plan) : plan_(std::move(plan)) {}

  std::size_t workspace_bytes() const { return static_cast<std::size_t>(plan_.workspace_bytes); }
  /// For the plan cache; empty when the engine's plans cannot be put into words.
  std::string plan_text() const;
  /// Enqueues on the handle's stream. Pointers must be multiples of 16 bytes, the workspace at
  /// least workspace_bytes().
  void run(cudnnHandle_t handle, const void* image, const void* weights, const void* features,
           void* workspace);

 private:
  ExecutionPlan plan_;
  std::array<const void*, 4> bound_{};
  std::optional<Descriptor> pack_;  // of bound_: rebuilt only when a pointer changes
};

/// The plans of a product, best guess first: cuDNN's proposals, then every engine there is (some
/// are never proposed). Plans with much workspace are left out while there are others: workspace is
/// shared, but it is memory that a larger batch could use.
class CudnnPlans {
 public:
  CudnnPlans(const ConvProblem& problem, const Target& target);
  /// Nothing: there are no more.
  std::optional<ExecutionPlan> next();

 private:
  Target target_;
  Descriptor graph_;
  std::vector<Descriptor> configs_;
  std::size_t next_config_ = 0;
  bool any_given_ = false;
  std::vector<ExecutionPlan> large_;
};

}  // namespace dcgan::cuda
