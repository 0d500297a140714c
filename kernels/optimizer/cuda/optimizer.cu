// A launch for a network's parameters or a part of them: 28 bytes read and written a parameter for
// Adam, 8 more with an average, 2 more with a bf16 copy.
#include "kernels/common/cuda/reduce.h"
#include "kernels/common/cuda/step_counter.h"
#include "kernels/common/cuda/vector.h"
#include "kernels/optimizer/optimizer_variants.h"

namespace dcgan::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kBlocksAtOnce = 4;               // of a multiprocessor
constexpr std::int64_t kMostBlocks = 4 * 132;  // all at once on an H100: each loops over the rest

struct OptimizerArguments {
  float* values;
  const float* gradients;
  float* first_moment;  // null: RMSprop
  float* second_moment;
  float* ema;           // null: none
  bf16* low_precision;  // null: none
  std::int64_t* step;
  const OptimizerCoefficients* coefficients;
  int* non_finite;  // null: nobody asks
  std::int64_t count;
  bool advances;  // the step
};

/// What depends on the step.
struct Correction {
  float step_size;            // learning_rate / (1 - beta1^t)
  float inverse_sqrt_second;  // 1 / sqrt(1 - beta2^t)
};

/// What an update reads.
template <int width>
struct Item {
  Values<width> g, p, m, v, ema;
};

template <int width>
__device__ __forceinline__ Item<width> load_item(const OptimizerArguments& arrays,
                                                 std::int64_t at) {
  Item<width> item{};
  item.g = load<width>(arrays.gradients + at);
  item.p = load<width>(arrays.values + at);
  item.v = load<width>(arrays.second_moment + at);
  if (arrays.first_moment != nullptr) item.m = load<width>(arrays.first_moment + at);
  if (arrays.ema != nullptr) item.ema = load<width>(arrays.ema + at);
  return item;
}

/// Returns whether every gradient is finite.
template <int width>
__device__ __forceinline__ bool update(const OptimizerArguments& arrays,
                                       const OptimizerCoefficients& k, const Correction& correction,
                                       Item<width> item, std::int64_t at) {
  const bool adam = arrays.first_moment != nullptr;
  bool finite = true;
#pragma unroll
  for (int i = 0; i < width; ++i) {
    const float g = item.g.v[i];
    finite &= (__float_as_uint(g) & 0x7f800000u) != 0x7f800000u;
    item.m.v[i] = adam ? k.beta1 * item.m.v[i] + k.one_minus_beta1 * g : g;
    item.v.v[i] = k.beta2 * item.v.v[i] + k.one_minus_beta2 * g * g;
    const float denominator = sqrtf(item.v.v[i]) * correction.inverse_sqrt_second + k.epsilon;
    float next = item.p.v[i] - correction.step_size * item.m.v[i] / denominator;
    if (k.weight_clip > 0.0f) {  // comparisons that let a NaN through: it must not be hidden
      next = next > k.weight_clip ? k.weight_clip : next;
      next = next < -k.weight_clip ? -k.weight_clip : next;
    }
    item.p.v[i] = next;
    item.ema.v[i] = k.ema_decay * item.ema.v[i] + k.one_minus_ema_decay * next;
  }
  if (adam) store<width>(arrays.first_moment + at, item.m);
  store<width>(arrays.second_moment + at, item.v);
  store<width>(arrays.values + at, item.p);
  if (arrays.low_precision != nullptr) store<width>(arrays.low_precision + at, item.p);
  if (arrays.ema != nullptr) store<width>(arrays.ema + at, item.ema);
  return finite;
}

/// Reads the step for the whole block, in double: 1 - beta^t cancels in float.
__device__ __forceinline__ Correction correction_of_block(const OptimizerArguments& arrays,
                                                          const OptimizerCoefficients& k) {
  DCGAN_SHARED(Correction, shared, [1]);
  if (threadIdx.x == 0) {
    Correction correction{k.learning_rate, 1.0f};
    const std::int64_t done = arrays.advances ? read_and_advance(arrays.step) : *arrays.step;
    if (arrays.first_moment != nullptr) {
      const auto steps = static_cast<double>(done + 1);
      correction.step_size =
          static_cast<float>(static_cast<double>(k.learning_rate) / -expm1(steps * k.log_beta1));
      correction.inverse_sqrt_second = static_cast<float>(1.0 / sqrt(-expm1(steps * k.log_beta2)));
    }
    shared[0] = correction;
  }
  __syncthreads();
  return shared[0];
}

/// The first loads are under way while the correction is worked out.
template <int width>
__global__ void __launch_bounds__(kThreads, kBlocksAtOnce)
    optimizer_kernel(OptimizerArguments arguments) {
  start_after_previous();
  const std::int64_t stride = std::int64_t{gridDim.x} * kThreads;
  const std::int64_t first = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  const std::int64_t groups = arguments.count / width;
  Item<width> item{};
  if (first < groups) item = load_item<width>(arguments, first * width);
  const OptimizerCoefficients coefficients = *arguments.coefficients;
  const Correction correction = correction_of_block(arguments, coefficients);
  bool finite = true;
  for (std::int64_t i = first; i < groups; i += stride) {
    finite &= update(arguments, coefficients, correction, item, i * width);
    if (i + stride < groups) item = load_item<width>(arguments, (i + stride) * width);
  }
  if (width > 1 && first < arguments.count - groups * width) {
    const std::int64_t at = groups * width + first;
    finite &= update(arguments, coefficients, correction, load_item<1>(arguments, at), at);
  }
  if (!finite && arguments.non_finite != nullptr) atomicOr(arguments.non_finite, 1);
}

OptimizerArguments arguments_of(const OptimizerArrays& arrays, OptimizerKind kind,
                                StepCount count) {
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
  arguments.non_finite = arrays.non_finite.empty() ? nullptr : arrays.non_finite.as<std::int32_t>();
  arguments.count = arrays.values.elements();
  arguments.advances = count == StepCount::advance;
  return arguments;
}

}  // namespace

void optimizer_step(const Context& context, const OptimizerArrays& arrays, OptimizerKind kind,
                    StepCount count) {
  const OptimizerArguments arguments = arguments_of(arrays, kind, count);
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
