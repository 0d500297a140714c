// The variants behind conv.h, one namespace a device. The config has been checked, and so are the
// tensors and the workspace of every later call of the plan: plan_convolution wraps what the
// variant returns.
#pragma once

#include "kernels/conv/conv.h"

namespace dcgan {

namespace cpu {
std::unique_ptr<ConvPlan> plan_convolution(const Context& context, const ConvConfig& config);
}  // namespace cpu

namespace cuda {
std::unique_ptr<ConvPlan> plan_convolution(const Context& context, const ConvConfig& config);
}  // namespace cuda

}  // namespace dcgan
