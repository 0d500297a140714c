// The variants behind optimizer.h, one namespace a device. Arguments have been checked.
#pragma once

#include "kernels/optimizer/optimizer.h"

namespace dcgan {

namespace cpu {
void optimizer_step(const Context& context, const OptimizerArrays& arrays, OptimizerKind kind,
                    StepCount count);
}  // namespace cpu

namespace cuda {
void optimizer_step(const Context& context, const OptimizerArrays& arrays, OptimizerKind kind,
                    StepCount count);
}  // namespace cuda

}  // namespace dcgan
