// One pass over memory, in blocks that stay in the first-level cache while the update and what
// follows it (clip, average, low-precision copy) are computed.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#include "kernels/common/cpu_loops.h"
#include "kernels/optimizer/optimizer_variants.h"
#include "runtime/base/parallel.h"

namespace dcgan::cpu {
namespace {

constexpr std::int64_t kBlock = 1024;  // elements: six f32 arrays of it fill 24 KiB

/// Constants of a step, worked out in double: 1 - beta^t cancels in float.
struct AdamConstants {
  float beta1, beta2, one_minus_beta1, one_minus_beta2;
  float step_size;            // learning_rate / (1 - beta1^t)
  float inverse_sqrt_second;  // 1 / sqrt(1 - beta2^t)
  float epsilon;
};

AdamConstants adam_constants(const OptimizerCoefficients& k, std::int64_t step) {
  const double t = static_cast<double>(step);
  return {k.beta1,
          k.beta2,
          k.one_minus_beta1,
          k.one_minus_beta2,
          static_cast<float>(k.learning_rate / (1.0 - std::exp(k.log_beta1 * t))),
          static_cast<float>(1.0 / std::sqrt(1.0 - std::exp(k.log_beta2 * t))),
          k.epsilon};
}

void adam_block(const AdamConstants& k, float* __restrict p, const float* __restrict g,
                float* __restrict m, float* __restrict v, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    m[i] = k.beta1 * m[i] + k.one_minus_beta1 * g[i];
    v[i] = k.beta2 * v[i] + k.one_minus_beta2 * g[i] * g[i];
    p[i] -= k.step_size * m[i] / (std::sqrt(v[i]) * k.inverse_sqrt_second + k.epsilon);
  }
}

void rmsprop_block(const OptimizerCoefficients& k, float* __restrict p, const float* __restrict g,
                   float* __restrict v, std::int64_t count) {
  const float alpha = k.beta2;
  const float one_minus_alpha = k.one_minus_beta2;
  const float rate = k.learning_rate;
  const float epsilon = k.epsilon;
  for (std::int64_t i = 0; i < count; ++i) {
    v[i] = alpha * v[i] + one_minus_alpha * g[i] * g[i];
    p[i] -= rate * g[i] / (std::sqrt(v[i]) + epsilon);
  }
}

/// NaN stays NaN, so that a divergence is not hidden by the clip.
void clip_block(float limit, float* p, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float below = p[i] > limit ? limit : p[i];
    p[i] = below < -limit ? -limit : below;
  }
}

void average_block(float decay, float rest, const float* __restrict p, float* __restrict ema,
                   std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) ema[i] = decay * ema[i] + rest * p[i];
}

void round_block(const float* __restrict p, bf16* __restrict out, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = bf16(p[i]);
}

/// NaN and infinity are what has every bit of the exponent set. Integers, so that no compiler flag
/// about arithmetic can remove the question.
bool any_non_finite(const float* values, std::int64_t count) {
  constexpr std::uint32_t kExponent = 0x7f800000u;
  std::uint32_t any = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint32_t word;
    std::memcpy(&word, values + i, sizeof word);
    any |= (word & kExponent) == kExponent ? 1 : 0;
  }
  return any != 0;
}

}  // namespace

void optimizer_step(const Context& /*context*/, const OptimizerArrays& arrays, OptimizerKind kind,
                    StepCount count) {
  const bool adam = kind == OptimizerKind::adam;
  OptimizerCoefficients k;
  std::memcpy(&k, arrays.coefficients.data, sizeof k);
  auto* steps_done = arrays.step.as<std::int64_t>();
  const std::int64_t step = *steps_done + 1;
  if (count == StepCount::advance) *steps_done = step;
  const AdamConstants constants = adam ? adam_constants(k, step) : AdamConstants{};
  auto* p = arrays.values.as<float>();
  const auto* g = arrays.gradients.as<float>();
  auto* v = arrays.second_moment.as<float>();
  auto* m = adam ? arrays.first_moment.as<float>() : nullptr;
  auto* ema = arrays.ema.empty() ? nullptr : arrays.ema.as<float>();
  auto* low = arrays.low_precision.empty() ? nullptr : arrays.low_precision.as<bf16>();
  std::atomic<bool> non_finite = false;
  parallel_for(arrays.values.elements(), kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; i += kBlock) {
      const std::int64_t elements = std::min(kBlock, end - i);
      if (any_non_finite(g + i, elements)) non_finite.store(true, std::memory_order_relaxed);
      if (adam) {
        adam_block(constants, p + i, g + i, m + i, v + i, elements);
      } else {
        rmsprop_block(k, p + i, g + i, v + i, elements);
      }
      if (k.weight_clip > 0.0f) clip_block(k.weight_clip, p + i, elements);
      if (ema != nullptr)
        average_block(k.ema_decay, k.one_minus_ema_decay, p + i, ema + i, elements);
      if (low != nullptr) round_block(p + i, low + i, elements);
    }
  });
  if (non_finite && !arrays.non_finite.empty()) *arrays.non_finite.as<std::int32_t>() = 1;
}

}  // namespace dcgan::cpu
