// What each device brings to conv.h, one namespace a device. Configs have been checked, and so are
// the tensors and the workspace of every later call of a plan: plan_convolution wraps it.
#pragma once

#include "kernels/conv/conv.h"

namespace dcgan {

namespace cpu {
const std::vector<ConvCandidate>& conv_candidates();
std::unique_ptr<ConvPlan> plan_convolution(const Context& context, const ConvConfig& config);
}  // namespace cpu

namespace cuda {
const std::vector<ConvCandidate>& conv_candidates();
std::unique_ptr<ConvPlan> plan_convolution(const Context& context, const ConvConfig& config);
}  // namespace cuda

}  // namespace dcgan
