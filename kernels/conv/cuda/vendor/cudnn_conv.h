// One product of an underlying convolution as a cuDNN operation graph, the engines that can compute
// it, and plans. Included by .cpp files only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/conv/underlying.h"
#include "kernels/vendor/cuda/cudnn_device_properties.h"

namespace dcgan::cuda {

/// What is done to the sums, in f32, before they are stored.
enum class Epilogue { none, bias, bias_relu };

struct ConvProblem {
  ConvPass product = ConvPass::forward;  ///< of the underlying convolution
  UnderlyingConv conv;
  DType result = DType::f32;           ///< of the weights' gradient
  bool allow_tf32 = false;             ///< f32 may be multiplied by tensor cores
  Epilogue epilogue = Epilogue::none;  ///< not of backward_weights
};
/// "backward_data 64x8x8x128 4x4x256 k4 s2 p1 bf16 bf16".
std::string to_string(const ConvProblem& problem);
/// The product that computes a pass of a layer.
ConvProblem problem_of(const ConvConfig& config, ConvPass pass);
/// The forward pass with its bias and activation in the epilogue. Nothing: it has no bias, or its
/// activation is neither none nor relu (some engines ignore a leaky relu's slope).
std::optional<ConvProblem> fused_problem_of(const ConvConfig& config);

/// The names under which a plan gets its pointers.
enum TensorName : std::int64_t { kImage = 1, kWeights = 2, kFeatures = 3, kBias = 4 };

Descriptor conv_graph(const ConvProblem& problem, const Target& target);

enum class EngineSearch {
  heuristics,  ///< what cuDNN proposes
  all,         ///< then also every engine there is, with its default knobs: some are never proposed
};

/// Engine configurations that may compute `graph` on the target, best guess first. Without those
/// whose results are not what is promised: non-deterministic ones, ones that reduce in low
/// precision or convert their inputs down, and for f32 without allow_tf32 those on tensor cores.
std::vector<Descriptor> engine_candidates(const Descriptor& graph, const ConvProblem& problem,
                                          const Target& target, EngineSearch search);

/// A finalised plan, or false in `ok` when the engine cannot after all.
struct ExecutionPlan {
  Descriptor descriptor{CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR};
  std::int64_t workspace_bytes = 0;
  bool ok = false;
};
ExecutionPlan build_plan(const Descriptor& engine_config, const Target& target);
ExecutionPlan load_plan(const std::string& json, const Target& target);

}  // namespace dcgan::cuda
