// Reductions of values in host memory.
#pragma once

#include "runtime/base/tensor.h"

namespace dcgan {

enum class ReduceOp { sum, min, max };

/// to[i] = op(to[i], from[i]). Equal types and counts, in host memory; not u8. bf16 is added in
/// float and rounded. Integer sums wrap. min and max of a NaN and a number are the NaN.
void reduce_into(ReduceOp op, TensorView to, ConstTensorView from);

}  // namespace dcgan
