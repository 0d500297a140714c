#include "kernels/conv/cuda/vendor/cudnn_plans.h"

#include <algorithm>

namespace dcgan::cuda {
namespace {

constexpr std::int64_t kMostWorkspaceBytes = std::int64_t{64} << 20;
constexpr std::size_t kMostLarge = 24;  // plans with more workspace before the search ends

}  // namespace

std::string CudnnRunner::plan_text() const {
  try {
    return plan_.descriptor.get_text(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION);
  } catch (const Error&) {
    return "";
  }
}

void CudnnRunner::run(cudnnHandle_t handle, const void* image, const void* weights,
                      const void* features, void* workspace) {
  const std::array<const void*, 4> wanted{image, weights, features, workspace};
  if (!pack_ || wanted != bound_) {
    for (const void* pointer : wanted) {
      DCGAN_CHECK(reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0,
                  "conv: {} is not a multiple of 16 bytes", pointer);
    }
    Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS,
             std::vector<std::int64_t>{kImage, kWeights, kFeatures});
    pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
             std::vector<void*>{const_cast<void*>(image), const_cast<void*>(weights),
                                const_cast<void*>(features)});
    pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, std::vector<void*>{workspace});
    pack.finalize();
    pack_.emplace(std::move(pack));
    bound_ = wanted;
  }
  CUDNN_TRY(cudnnBackendExecute(handle, plan_.descriptor.get(), pack_->get()));
}

CudnnPlans::CudnnPlans(const ConvProblem& problem, const Target& target)
    : target_(target),
      graph_(conv_graph(problem, target)),
      configs_(engine_candidates(graph_, problem, target, EngineSearch::all)) {}

std::optional<ExecutionPlan> CudnnPlans::next() {
  while (next_config_ < configs_.size() && large_.size() < kMostLarge) {
    ExecutionPlan plan = build_plan(configs_[next_config_++], target_);
    if (!plan.ok) continue;
    if (plan.workspace_bytes <= kMostWorkspaceBytes) {
      any_given_ = true;
      return plan;
    }
    large_.push_back(std::move(plan));
  }
  if (any_given_ || large_.empty()) return std::nullopt;
  const auto smallest = std::min_element(
      large_.begin(), large_.end(),
      [](const auto& a, const auto& b) { return a.workspace_bytes < b.workspace_bytes; });
  any_given_ = true;
  return std::move(*smallest);
}

}  // namespace dcgan::cuda
