// cuDNN's plans for one product of an underlying convolution: a list that is built as it is asked
// for, and their execution. Included by .cpp files only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernels/conv/cuda/vendor/cudnn_conv.h"
#include "kernels/vendor/cuda/libraries.h"

namespace dcgan::cuda {

/// What a plan reads and writes. All are multiples of 16 bytes.
struct ConvPointers {
  const void* image = nullptr;
  const void* weights = nullptr;
  const void* features = nullptr;
  const void* bias = nullptr;  ///< null: the plan's problem has no epilogue
  void* workspace = nullptr;

  bool operator==(const ConvPointers&) const = default;
};

/// A plan that can be run again and again.
class CudnnRunner {
 public:
  explicit CudnnRunner(ExecutionPlan plan) : plan_(std::move(plan)) {}

  std::size_t workspace_bytes() const { return static_cast<std::size_t>(plan_.workspace_bytes); }
  /// For the plan cache; empty when the engine's plans cannot be put into words.
  std::string plan_text() const;
  /// Enqueues on the handle's stream. The workspace has at least workspace_bytes().
  void run(cudnnHandle_t handle, const ConvPointers& pointers);

 private:
  ExecutionPlan plan_;
  ConvPointers bound_;
  std::optional<Descriptor> pack_;  // of bound_: rebuilt only when a pointer changes
};

/// The plans of a product, best guess first: cuDNN's proposals, then every engine there is (some
/// are never proposed). Plans with much workspace are left out while there are others: workspace is
/// shared, but it is memory that a larger batch could use. cuDNN is asked at the first next().
class CudnnPlans {
 public:
  CudnnPlans(ConvProblem problem, const Target& target)
      : problem_(std::move(problem)), target_(target) {}
  /// Nothing: there are no more, or cuDNN does not take the graph.
  std::optional<ExecutionPlan> next();

 private:
  void search();

  ConvProblem problem_;
  Target target_;
  std::optional<Descriptor> graph_;
  bool searched_ = false;
  std::vector<Descriptor> configs_;
  std::size_t next_config_ = 0;
  bool any_given_ = false;
  std::vector<ExecutionPlan> large_;
};

}  // namespace dcgan::cuda
