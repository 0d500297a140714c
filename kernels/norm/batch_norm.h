// Batch normalisation (Ioffe and Szegedy 2015) and the activation behind it, forward and backward.
//
// Training, for each group g of N / groups consecutive images and each channel c, over its
// M = (N / groups) * H * W values:
//   mean = sum x / M,  var = sum (x - mean)^2 / M,  invstd = 1 / sqrt(var + epsilon)
//   y    = activation((x - mean) * invstd * weight + bias)
// and, in the order of the groups,
//   running_mean = (1 - momentum) running_mean + momentum mean
//   running_var  = (1 - momentum) running_var  + momentum var * M / (M - 1)
//   batches_tracked += 1
// so that one pass over real and fake halves (groups = 2) gives the numbers of two passes.
// Reference: torch.nn.BatchNorm2d.
#pragma once

#include <cstdint>

#include "kernels/elementwise/activation.h"
#include "runtime/base/tensor.h"
#include "runtime/device/context.h"

namespace dcgan {

struct BatchNormOptions {
  ActivationSpec activation;  ///< tanh is refused: its derivative needs the output
  int groups = 1;             ///< divides N
  float epsilon = 1e-5f;
  float momentum = 0.1f;
};

/// A layer's parameters and running statistics, each (C) f32; batches_tracked (1) i64.
struct BatchNormParameters {
  ConstTensorView weight;
  ConstTensorView bias;
};
struct BatchNormRunning {
  TensorView mean;
  TensorView var;
  TensorView batches_tracked;
};

/// What the forward pass keeps for the backward pass, each (groups, C) f32.
struct BatchNormSaved {
  TensorView mean;
  TensorView invstd;
};

/// x, y: (N, H, W, C), f32 or bf16; y may alias x only if no backward pass follows. M >= 2, else
/// Error(config) as PyTorch's "more than 1 value per channel". Statistics accumulate in a way that
/// does not cancel (Welford or shifted, never E[x^2] - mean^2). `scratch`: as of the backward pass.
void batch_norm_train_forward(const Context& context, ConstTensorView x,
                              const BatchNormParameters& parameters,
                              const BatchNormRunning& running, TensorView y,
                              const BatchNormSaved& saved, TensorView scratch,
                              const BatchNormOptions& options);

/// y = activation((x - running.mean) / sqrt(running.var + epsilon) * weight + bias).
/// y may alias x. Nothing but y is written; options.groups is not used.
void batch_norm_eval_forward(const Context& context, ConstTensorView x,
                             const BatchNormParameters& parameters, const BatchNormRunning& running,
                             TensorView y, const BatchNormOptions& options);

struct BatchNormBackward {
  ConstTensorView x;  ///< (N, H, W, C): the input of the forward pass
  BatchNormParameters parameters;
  BatchNormSaved saved;  ///< of the forward pass
  TensorView dy;         ///< (N, H, W, C): gradient behind the activation
  TensorView dx;         ///< (N, H, W, C), overwritten; may alias dy
  TensorView dweight;    ///< (C) f32, summed over the groups, overwritten; both empty: not wanted
  TensorView dbias;      ///< (C) f32, likewise
};

/// The gradient through activation, scale and the statistics themselves. The activation's mask is
/// recomputed from x and the saved statistics. `scratch`: f32, at least
/// batch_norm_scratch_elements(...), contents undefined before and after.
void batch_norm_backward(const Context& context, const BatchNormBackward& tensors,
                         TensorView scratch, const BatchNormOptions& options);

/// Elements of f32 scratch of the training passes, the larger, for x of shape (N, H, W, C).
std::int64_t batch_norm_scratch_elements(const Context& context, const Shape& shape, int groups);

}  // namespace dcgan
