// The CUDA candidates, and which of them computes a shape.
#include <algorithm>

#include "kernels/conv/conv_variants.h"
#include "kernels/conv/cuda/plans.h"
#include "kernels/conv/cuda/tensor_core_conv.h"
#include "kernels/conv/underlying.h"

namespace dcgan::cuda {
namespace {

bool gemm_fits(const Context& /*context*/, const ConvConfig& config) {
  const ConvClass kind = class_of(underlying_of(config));
  return kind == ConvClass::gemm || kind == ConvClass::gemv;
}

bool library_fits(const Context& /*context*/, const ConvConfig& /*config*/) { return true; }
std::unique_ptr<ConvPlan> plan_library(const Context& context, const ConvConfig& config) {
  return plan_tuned(context, config, {algorithms().back()});
}

std::vector<Algorithm> first_choices() {
  return {
      {{"gemv head", gemv_head_fits, plan_gemv_head},
       PlanSource::own_kernels,
       Derivative::while_loading},
      {{"gemm", gemm_fits, plan_gemm}, PlanSource::library_call, Derivative::in_place},
      {{"small-channel tensor", small_channel_tensor_fits, plan_small_channel_tensor},
       PlanSource::own_kernels,
       Derivative::while_loading},
      {{"small-channel", small_channel_fits, plan_small_channel},
       PlanSource::own_kernels,
       Derivative::while_loading},
  };
}

}  // namespace

const std::vector<Algorithm>& algorithms() {
  static const std::vector<Algorithm> all = [] {
    std::vector<Algorithm> list = first_choices();
    for (const Algorithm& one : tensor_core_algorithms()) list.push_back(one);
    list.push_back(
        {{"library", library_fits, plan_library}, PlanSource::library_plans, Derivative::in_place});
    return list;
  }();
  return all;
}

const std::vector<ConvCandidate>& conv_candidates() {
  static const std::vector<ConvCandidate> candidates = [] {
    std::vector<ConvCandidate> all;
    for (const Algorithm& algorithm : algorithms()) all.push_back(algorithm.candidate);
    return all;
  }();
  return candidates;
}

std::unique_ptr<ConvPlan> plan_convolution(const Context& context, const ConvConfig& config) {
  const bool untimed = config.policy.tuning == ConvTuning::off;
  std::vector<Algorithm> fitting;
  for (const Algorithm& algorithm : algorithms()) {
    if (untimed && algorithm.choice == Choice::when_timed) continue;
    if (algorithm.candidate.fits(context, config)) fitting.push_back(algorithm);
  }
  // What is chosen by time alone comes last: the tuner compares results with the first.
  std::stable_partition(fitting.begin(), fitting.end(),
                        [](const Algorithm& one) { return one.choice == Choice::always; });
  const Algorithm& first = fitting.front();
  if (untimed && first.source == PlanSource::own_kernels) {
    return first.candidate.make(context, config);
  }
  return plan_tuned(context, config, fitting);
}

}  // namespace dcgan::cuda
