// One launch for every parameter of a network: 28 bytes read and written a parameter for Adam, 8
// more with an average, 2 more with a bf16 copy.
#include "kernels/common/cuda/reduce.h"
#include "kernels/common/cuda/step_counter.h"
#include "kernels/common/cuda/vector.h"
#include "kernels/optimizer/optimizer_variants.h"

namespace dcgan::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kMostBlocks = 2048;

struct OptimizerArguments {
  float* values;
  const float* gradients;
  float* first_moment;  // null: RMSprop
  float* second_moment;
  float* ema;           // null: none
  bf16* low_precision;  // null: none
  std::int64_t* step;
  const OptimizerCoefficients* coefficients;
  std::int64_t count;
};

/// What depends on the step.
struct Correction {
  float step_size;            // learning_rate / (1 - beta1^t)
  float inverse_sqrt_second;  // 1 / sqrt(1 - beta2^t)
};

template <int width>
__device__ __forceinline__ void update(const OptimizerArguments& arrays,
                                       const OptimizerCoefficients& k, const Correction& correction,
                                       std::int64_t at) {
  const Values<width> g = load<width>(arrays.gradients + at);
  Values<width> p = load<width>(arrays.values + at);
  Values<width> v = load<width>(arrays.second_moment + at);
  const bool adam = arrays.first_moment != nullptr;
  Values<width> direction = g;
  if (adam) {
    direction = load<width>(arrays.first_moment + at);
#pragma unroll
    for (int i = 0; i < width; ++i) {
      direction.v[i] = k.beta1 * direction.v[i] + k.one_minus_beta1 * g.v[i];
    }
    store<width>(arrays.first_moment + at, direction);
  }
#pragma unroll
  for (int i = 0; i < width; ++i) {
    v.v[i] = k.beta2 * v.v[i] + k.one_minus_beta2 * g.v[i] * g.v[i];
    const float denominator = sqrtf(v.v[i]) * correction.inverse_sqrt_second + k.epsilon;
    float next = p.v[i] - correction.step_size * direction.v[i] / denominator;
    if (k.weight_clip > 0.0f) {  // comparisons that let a NaN through: it must not be hidden
      next = next > k.weight_clip ? k.weight_clip : next;
      next = next < -k.weight_clip ? -k.weight_clip : next;
    }
    p.v[i] = next;
  }
  store<width>(arrays.second_moment + at, v);
  store<width>(arrays.values + at, p);
  if (arrays.low_precision != nullptr) store<width>(arrays.low_precision + at, p);
  if (arrays.ema != nullptr) {
    Values<width> average = load<width>(arrays.ema + at);
#pragma unroll
    for (int i = 0; i < width; ++i) {
      average.v[i] = k.ema_decay * average.v[i] + k.one_minus_ema_decay * p.v[i];
    }
    store<width>(arrays.ema + at, average);
  }
}

/// Reads the step for the whole block, in double: 1 - beta^t cancels in float.
__device__ __forceinline__ Correction correction_of_block(const OptimizerArguments& arrays,
                                                          const OptimizerCoefficients& k) {
  DCGAN_SHARED(Correction, shared, [1]);
  if (threadIdx.x == 0) {
    Correction correction{k.learning_rate, 1.0f};
    const std::int64_t t = read_and_advance(arrays.step) + 1;
    if (arrays.first_moment != nullptr) {
      const auto steps = static_cast<double>(t);
      correction.step_size =
          static_cast<float>(static_cast<double>(k.learning_rate) / -expm1(steps * k.log_beta1));
      correction.inverse_sqrt_second = static_cast<float>(1.0 / sqrt(-expm1(steps * k.log_beta2)));
    }
    shared[0] = correction;
  }
  __syncthreads();
  return shared[0];
}

template <int width>
__global__ void __launch_bounds__(kThreads) optimizer_kernel(OptimizerArguments arguments) {
  const OptimizerCoefficients coefficients = *arguments.coefficients;
  const Correction correction = correction_of_block(arguments, coefficients);
  const std::int64_t stride = std::int64_t{gridDim.x} * kThreads;
  const std::int64_t first = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  const std::int64_t groups = arguments.count / width;
  for (std::int64_t i = first; i < groups; i += stride) {
    update<width>(arguments, coefficients, correction, i * width);
  }
  if (width > 1 && first < arguments.count - groups * width) {
    update<1>(arguments, coefficients, correction, groups * width + first);
  }
}

OptimizerArguments arguments_of(const OptimizerArrays& arrays, OptimizerKind kind) {
  OptimizerArguments arguments{};
  arguments.values = arrays.values.as<float>();
  arguments.gradients = arrays.gradients.as<float>();
  arguments.first_moment = kind == OptimizerKind::adam ? arrays.first_moment.as<float>() : nullptr;
  arguments.second_moment = arrays.second_moment.as<float>();
  arguments.ema = arrays.ema.empty() ? nullptr : arrays.ema.as<float>();
  arguments.low_precision =
      arrays.low_precision.empty() ? nullptr : arrays.low_precision.as<bf16>();
  arguments.step = arrays.step.as<std::int64_t>();
  arguments.coefficients = static_cast<const OptimizerCoefficients*>(arrays.coefficients.data);
  arguments.count = arrays.values.elements();
  return arguments;
}

}  // namespace

void optimizer_step(const Context& context, const OptimizerArrays& arrays, OptimizerKind kind) {
  const OptimizerArguments arguments = arguments_of(arrays, kind);
  constexpr int wide = kWide<float>;
  const bool aligned = aligned16(arguments.values, arguments.gradients, arguments.first_moment,
                                 arguments.second_moment, arguments.ema, arguments.low_precision);
  const std::int64_t items = aligned ? (arguments.count + wide - 1) / wide : arguments.count;
  // At least one block, also without parameters: the step counts up.
  const LaunchShape shape{"optimizer_kernel",
                          blocks_for(items > 0 ? items : 1, kThreads, kMostBlocks), dim3(kThreads)};
  if (aligned) {
    launch(context, optimizer_kernel<wide>, shape, arguments);
  } else {
    launch(context, optimizer_kernel<1>, shape, arguments);
  }
}

}  // namespace dcgan::cuda
