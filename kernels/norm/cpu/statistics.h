// Mean and variance of each channel in one pass over memory, without cancellation.
#pragma once

#include "kernels/norm/cpu/row_chunks.h"
#include "runtime/base/tensor.h"

namespace dcgan::cpu {

/// mean, squares: (groups, C) f32. squares = sum (x - mean)^2. scratch: cut.partials() floats.
void channel_statistics(ConstTensorView x, const RowChunks& cut, float* scratch, float* mean,
                        float* squares);

}  // namespace dcgan::cpu
