// Batch norm with running statistics, folded into the convolution before it. It is then an affine
// map of each channel, which needs no pass of its own:
//
//   scale[c]      = norm.weight[c] / sqrt(running.var[c] + epsilon)
//   folded[.., c] = weights[.., c] * scale[c]           c: the output channel of the weight
//   bias[c]       = norm.bias[c] - running.mean[c] * scale[c]
//
// so that activation(conv(x, folded) + bias) is what BlockPlan::infer computes. Where |mean| is
// much larger than the deviation, bias and convolution cancel: the error is |mean| / deviation
// roundings of the convolution.
#pragma once

#include "kernels/conv/conv.h"
#include "kernels/norm/batch_norm.h"

namespace dcgan {

struct NormFold {
  ConstTensorView weights;  ///< conv.weight_shape(), f32
  BatchNormParameters norm;
  BatchNormRunning running;  ///< read only; batches_tracked is not used
  TensorView folded;         ///< conv.weight_shape(), f32 or bf16; products are rounded once
  TensorView bias;           ///< (out_channels) f32
};

/// Enqueued. No aliasing.
void fold_norm(const Context& context, const ConvSpec& conv, const NormFold& tensors,
               float epsilon = BatchNormOptions{}.epsilon);

}  // namespace dcgan
