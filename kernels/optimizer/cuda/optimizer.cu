// One launch for every parameter of a network: 28 bytes read and written a parameter for Adam, 8
// more with an average, 2 more with a bf16 copy.
#include <cmath>

#include "kernels/common/cuda/reduce.h"
#include "kernels/common/cuda/vector.h"
#include "kernels/optimizer/optimizer_variants.h"

namespace dcgan::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kMostBlocks = 2048;

// Every block reads the step, and one must count it up when all have. The upper bits of the counter
// itself count the blocks that have read it (no other memory is at hand that starts at zero); the
// last block clears them. So the step must stay below 2^40.
constexpr int kTicketShift = 40;
constexpr std::int64_t kStepMask = (std::int64_t{1} << kTicketShift) - 1;

struct OptimizerArguments {
  float* values;
  const float* gradients;
  float* first_moment;  // null: RMSprop
  float* second_moment;
  float* ema;           // null: none
  bf16* low_precision;  // null: none
  std::int64_t* step;
  std::int64_t count;
  double log_beta1;
  double log_beta2;
  float learning_rate;
  float beta1;  // RMSprop: not used
  float beta2;  // RMSprop: alpha
  float one_minus_beta1;
  float one_minus_beta2;
  float epsilon;
  float weight_clip;  // 0: none
  float ema_decay;
  float one_minus_ema_decay;
};

/// What depends on the step.
struct Correction {
  float step_size;            // learning_rate / (1 - beta1^t)
  float inverse_sqrt_second;  // 1 / sqrt(1 - beta2^t)
};

template <int width>
__device__ __forceinline__ void update(const OptimizerArguments& k, const Correction& correction,
                                       std::int64_t at) {
  const Values<width> g = load<width>(k.gradients + at);
  Values<width> p = load<width>(k.values + at);
  Values<width> v = load<width>(k.second_moment + at);
  const bool adam = k.first_moment != nullptr;
  Values<width> direction = g;
  if (adam) {
    direction = load<width>(k.first_moment + at);
#pragma unroll
    for (int i = 0; i < width; ++i) {
      direction.v[i] = k.beta1 * direction.v[i] + k.one_minus_beta1 * g.v[i];
    }
    store<width>(k.first_moment + at, direction);
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
  store<width>(k.second_moment + at, v);
  store<width>(k.values + at, p);
  if (k.low_precision != nullptr) store<width>(k.low_precision + at, p);
  if (k.ema != nullptr) {
    Values<width> average = load<width>(k.ema + at);
#pragma unroll
    for (int i = 0; i < width; ++i) {
      average.v[i] = k.ema_decay * average.v[i] + k.one_minus_ema_decay * p.v[i];
    }
    store<width>(k.ema + at, average);
  }
}

/// Reads the step for the whole block, in double: 1 - beta^t cancels in float.
__device__ __forceinline__ Correction correction_of_block(const OptimizerArguments& k) {
  DCGAN_SHARED(Correction, shared, [1]);
  if (threadIdx.x == 0) {
    Correction correction{k.learning_rate, 1.0f};
    // One atomic operation reads the low bits and counts in the high ones.
    const auto arrived =
        atomicAdd(reinterpret_cast<unsigned long long*>(k.step), 1ull << kTicketShift);
    const auto t = static_cast<std::int64_t>(arrived & kStepMask) + 1;
    if (k.first_moment != nullptr) {
      const auto steps = static_cast<double>(t);
      correction.step_size =
          static_cast<float>(static_cast<double>(k.learning_rate) / -expm1(steps * k.log_beta1));
      correction.inverse_sqrt_second = static_cast<float>(1.0 / sqrt(-expm1(steps * k.log_beta2)));
    }
    shared[0] = correction;
    if ((arrived >> kTicketShift) + 1 == gridDim.x) {
      atomicExch(reinterpret_cast<unsigned long long*>(k.step), static_cast<unsigned long long>(t));
    }
  }
  __syncthreads();
  return shared[0];
}

template <int width>
__global__ void __launch_bounds__(kThreads) optimizer_kernel(OptimizerArguments arguments) {
  const Correction correction = correction_of_block(arguments);
  const std::int64_t stride = std::int64_t{gridDim.x} * kThreads;
  const std::int64_t first = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  const std::int64_t groups = arguments.count / width;
  for (std::int64_t i = first; i < groups; i += stride) {
    update<width>(arguments, correction, i * width);
  }
  if (width > 1 && first < arguments.count - groups * width) {
    update<1>(arguments, correction, groups * width + first);
  }
}

OptimizerArguments arguments_of(const OptimizerArrays& arrays, const OptimizerOptions& options) {
  const bool adam = options.kind == OptimizerKind::adam;
  const float beta2 = adam ? options.beta2 : options.alpha;
  const auto rest = [](float decay) {
    return static_cast<float>(1.0 - static_cast<double>(decay));
  };
  OptimizerArguments arguments{};
  arguments.values = arrays.values.as<float>();
  arguments.gradients = arrays.gradients.as<float>();
  arguments.first_moment = adam ? arrays.first_moment.as<float>() : nullptr;
  arguments.second_moment = arrays.second_moment.as<float>();
  arguments.ema = arrays.ema.empty() ? nullptr : arrays.ema.as<float>();
  arguments.low_precision =
      arrays.low_precision.empty() ? nullptr : arrays.low_precision.as<bf16>();
  arguments.step = arrays.step.as<std::int64_t>();
  arguments.count = arrays.values.elements();
  arguments.log_beta1 = std::log(static_cast<double>(options.beta1));  // beta1 0: -inf, beta^t 0
  arguments.log_beta2 = std::log(static_cast<double>(options.beta2));
  arguments.learning_rate = options.learning_rate;
  arguments.beta1 = options.beta1;
  arguments.beta2 = beta2;
  arguments.one_minus_beta1 = rest(options.beta1);
  arguments.one_minus_beta2 = rest(beta2);
  arguments.epsilon = options.epsilon;
  arguments.weight_clip = options.weight_clip;
  arguments.ema_decay = options.ema_decay;
  arguments.one_minus_ema_decay = rest(options.ema_decay);
  return arguments;
}

}  // namespace

void optimizer_step(const Context& context, const OptimizerArrays& arrays,
                    const OptimizerOptions& options) {
  const OptimizerArguments arguments = arguments_of(arrays, options);
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
