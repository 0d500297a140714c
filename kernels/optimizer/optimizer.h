// Optimiser steps over flat arrays: every parameter of a network in one pass.
//
//   Adam (Kingma and Ba 2015, as torch.optim.Adam), t counted from 1:
//     m = beta1 m + (1 - beta1) g        v = beta2 v + (1 - beta2) g^2
//     p -= learning_rate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
//   RMSprop (Hinton 2012, as torch.optim.RMSprop):
//     v = alpha v + (1 - alpha) g^2      p -= learning_rate * g / (sqrt(v) + epsilon)
//   then, where wanted, p = clamp(p, -weight_clip, weight_clip)   (Arjovsky et al. 2017)
//   and                 ema = ema_decay ema + (1 - ema_decay) p
#pragma once

#include "runtime/base/enum_names.h"
#include "runtime/base/tensor.h"
#include "runtime/device/context.h"

namespace dcgan {

enum class OptimizerKind { adam, rmsprop };

constexpr auto enum_table(OptimizerKind) {
  return NameTable<OptimizerKind, 2>{
      {{"adam", OptimizerKind::adam}, {"rmsprop", OptimizerKind::rmsprop}}};
}

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::adam;
  float learning_rate = 2e-4f;
  double beta1 = 0.5;    ///< adam. Decay rates are double: 1 - 0.999f is not 0.001f
  double beta2 = 0.999;  ///< adam
  double alpha = 0.99;   ///< rmsprop
  float epsilon = 1e-8f;
  float weight_clip = 0.0f;  ///< 0: none
  double ema_decay = 0.0;    ///< used when the arrays hold an ema
};

/// The options as the kernels read them. They lie in device memory, so that a captured graph
/// follows when they change between steps.
struct OptimizerCoefficients {
  double log_beta1;  ///< adam; -inf for beta1 = 0
  double log_beta2;
  float learning_rate;
  float beta1;  ///< rmsprop: not used
  float beta2;  ///< rmsprop: alpha
  float one_minus_beta1;
  float one_minus_beta2;
  float epsilon;
  float weight_clip;
  float ema_decay;
  float one_minus_ema_decay;
};

/// Throws Error(config) naming the option that is out of its range.
OptimizerCoefficients coefficients_of(const OptimizerOptions& options);

struct OptimizerArrays {
  TensorView values;             ///< (P) f32: master weights
  ConstTensorView gradients;     ///< (P) f32
  TensorView first_moment;       ///< (P) f32; empty for rmsprop
  TensorView second_moment;      ///< (P) f32
  TensorView step;               ///< (1) i64 on the device: updates made before this one, t - 1
  TensorView ema;                ///< (P) f32, or empty
  TensorView low_precision;      ///< (P) bf16 copy of the new values, or empty
  ConstTensorView coefficients;  ///< one OptimizerCoefficients on the device, as u8
  TensorView non_finite;  ///< (1) i32: becomes 1 when a gradient is infinite or NaN; or empty
};

/// A network's arrays may be updated part by part. All parts have the same t: the last one, behind
/// the others on the stream, advances the step.
enum class StepCount { keep, advance };

/// Whether weights are clipped and averaged follows from the coefficients and the arrays at the
/// time the work runs.
void optimizer_step(const Context& context, const OptimizerArrays& arrays, OptimizerKind kind,
                    StepCount count = StepCount::advance);

}  // namespace dcgan
