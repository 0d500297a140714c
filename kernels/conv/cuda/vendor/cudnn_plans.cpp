#include "kernels/conv/cuda/vendor/cudnn_plans.h"

#include <algorithm>

namespace dcgan::cuda {
namespace {

constexpr std::int64_t kMostWorkspaceBytes = std::int64_t{64} << 20;
constexpr std::size_t kMostLarge = 24;  // plans with more workspace before the search ends

void check_alignment(const void* pointer) {
  DCGAN_CHECK(reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0,
              "conv: {} is not a multiple of 16 bytes", pointer);
}

}  // namespace

std::string CudnnRunner::plan_text() const {
  try {
    return plan_.descriptor.get_text(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION);
  } catch (const Error&) {
    return "";
  }
}

void CudnnRunner::run(cudnnHandle_t handle, const ConvPointers& pointers) {
  if (!pack_ || pointers != bound_) {
    std::vector<std::int64_t> names{kImage, kWeights, kFeatures};
    std::vector<const void*> bound{pointers.image, pointers.weights, pointers.features};
    if (pointers.bias != nullptr) {
      names.push_back(kBias);
      bound.push_back(pointers.bias);
    }
    std::vector<void*> places;
    for (const void* pointer : bound) {
      check_alignment(pointer);
      places.push_back(const_cast<void*>(pointer));
    }
    check_alignment(pointers.workspace);
    Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, names);
    pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, places);
    pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, std::vector<void*>{pointers.workspace});
    pack.finalize();
    pack_.emplace(std::move(pack));
    bound_ = pointers;
  }
  CUDNN_TRY(cudnnBackendExecute(handle, plan_.descriptor.get(), pack_->get()));
}

void CudnnPlans::search() {
  searched_ = true;
  try {
    graph_ = conv_graph(problem_, target_);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unavailable) throw;
    note_refusal(error.what());
    return;
  }
  configs_ = engine_candidates(*graph_, problem_, target_, EngineSearch::all);
}

std::optional<ExecutionPlan> CudnnPlans::next() {
  if (!searched_) search();
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
