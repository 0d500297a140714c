// Batch norm backward in three launches: the two sums over every chunk of rows, their merge with
// the parameters' gradients, and the pass that writes dx. With z = (x - mean) invstd weight + bias
// and g = dy activation'(z), over the M values of a channel in a group:
//   dbias = sum g,  dweight = sum g (x - mean) invstd
//   dx = weight invstd (g - dbias / M - (x - mean) invstd dweight / M)
#include "kernels/common/cuda/columns.h"
#include "kernels/common/cuda/vector.h"
#include "kernels/norm/batch_norm_variants.h"
#include "kernels/norm/cuda/channel_rows.h"

namespace dcgan::cuda {
namespace {

constexpr std::int64_t kSumsBlocks = 512;
constexpr std::int64_t kSumsRows = 8;
constexpr std::int64_t kApplyBlocks = 2048;
constexpr std::int64_t kApplyRows = 4;
constexpr int kRowsAtOnce = 2;  // loads in flight of one thread, of x and of dy

template <class T>
struct BackwardArguments {
  const T* x;
  const T* dy;
  T* dx;                // may be dy
  const float* weight;  // (C)
  const float* bias;
  const float* mean;  // (groups, C)
  const float* invstd;
  float negative_slope;
};

/// What belongs to the channels of one thread. z is computed as in the forward pass, to the bit, so
/// that the mask is the forward pass's.
template <class T, int width, Activation kind>
struct ChannelConstants {
  Values<width> mean;
  Values<width> scale;
  Values<width> bias;
  float negative_slope;

  __device__ __forceinline__ ChannelConstants(const BackwardArguments<T>& arguments,
                                              const ChannelRows& cut, int channel)
      : negative_slope(arguments.negative_slope) {
#pragma unroll
    for (int j = 0; j < width; ++j) {
      const int at = static_cast<int>(blockIdx.z) * cut.channels + channel + j;
      mean.v[j] = arguments.mean[at];
      scale.v[j] = arguments.invstd[at] * arguments.weight[channel + j];
      bias.v[j] = arguments.bias[channel + j];
    }
  }
  /// g, from the distance of x to the mean.
  __device__ __forceinline__ float before_activation(float dy, float distance, int j) const {
    if constexpr (kind == Activation::none) return dy;
    const float z = fmaf(distance, scale.v[j], bias.v[j]);
    return dy * activation_derivative<kind>(z, negative_slope);  // z > 0 iff activation(z) > 0
  }
};

/// sums, moments: (groups, chunks, C): sum g and sum g (x - mean).
template <class T, int width, Activation kind>
__global__ void __launch_bounds__(kChannelThreads)
    batch_norm_sums_kernel(BackwardArguments<T> arguments, float* sums, float* moments,
                           ChannelRows cut) {
  DCGAN_SHARED(float, shared_sums, [width][kChannelThreads]);
  DCGAN_SHARED(float, shared_moments, [width][kChannelThreads]);
  const ChannelThread thread = channel_thread<width>(cut);
  Values<width> sum{};
  Values<width> moment{};
  if (thread.active) {
    const ChannelConstants<T, width, kind> constants(arguments, cut, thread.channel);
    std::int64_t at = thread.element;
#pragma unroll 2
    for (std::int64_t row = thread.row; row < thread.end; row += thread.step) {
      const Values<width> x = load<width>(arguments.x + at);
      const Values<width> dy = load<width>(arguments.dy + at);
#pragma unroll
      for (int j = 0; j < width; ++j) {
        const float distance = x.v[j] - constants.mean.v[j];
        const float g = constants.before_activation(dy.v[j], distance, j);
        sum.v[j] += g;
        moment.v[j] += g * distance;
      }
      at += thread.step * cut.channels;
    }
  }
  const int place = place_in_block();
#pragma unroll
  for (int j = 0; j < width; ++j) {
    shared_sums[j][place] = sum.v[j];
    shared_moments[j][place] = moment.v[j];
  }
  for (unsigned half = blockDim.y / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.y < half) {
      const int other = place + static_cast<int>(half * blockDim.x);
#pragma unroll
      for (int j = 0; j < width; ++j) {
        shared_sums[j][place] += shared_sums[j][other];
        shared_moments[j][place] += shared_moments[j][other];
      }
    }
  }
  if (threadIdx.y == 0 && thread.active) {
    const std::int64_t to =
        (std::int64_t{blockIdx.z} * cut.chunks + blockIdx.y) * cut.channels + thread.channel;
#pragma unroll
    for (int j = 0; j < width; ++j) {
      sums[to + j] = shared_sums[j][place];
      moments[to + j] = shared_moments[j][place];
    }
  }
}

struct FinishArguments {
  const float* sums;  // (groups, chunks, C)
  const float* moments;
  const float* invstd;   // (groups, C)
  float* mean_gradient;  // (groups, C): dbias / M
  float* slope;          // (groups, C): invstd dweight / M
  float* dweight;        // (C), or null
  float* dbias;
};

/// Blocks of kSumColumns x kSumLanes threads, one for kSumColumns channels.
__global__ void __launch_bounds__(kSumColumns* kSumLanes)
    batch_norm_finish_sums_kernel(FinishArguments arguments, ChannelRows cut) {
  DCGAN_SHARED(float, shared, [kSumLanes][kSumColumns]);
  const int channel = static_cast<int>(blockIdx.x * kSumColumns + threadIdx.x);
  const bool active = channel < cut.channels;
  const auto rows = static_cast<float>(cut.rows);
  float dweight = 0.0f;
  float dbias = 0.0f;
  for (int group = 0; group < cut.groups; ++group) {
    const std::int64_t first = std::int64_t{group} * cut.chunks * cut.channels + channel;
    const float sum = sum_rows(arguments.sums + first, cut.chunks, cut.channels, active, shared);
    const float moment =
        sum_rows(arguments.moments + first, cut.chunks, cut.channels, active, shared);
    if (!active || threadIdx.y != 0) continue;
    const int at = group * cut.channels + channel;
    const float scaled = moment * arguments.invstd[at];
    arguments.mean_gradient[at] = sum / rows;
    arguments.slope[at] = scaled * arguments.invstd[at] / rows;
    dbias += sum;
    dweight += scaled;
  }
  if (active && threadIdx.y == 0 && arguments.dweight != nullptr) {
    arguments.dweight[channel] = dweight;
    arguments.dbias[channel] = dbias;
  }
}

template <class T, int width, Activation kind>
__global__ void __launch_bounds__(kChannelThreads)
    batch_norm_apply_kernel(BackwardArguments<T> arguments, const float* mean_gradients,
                            const float* slopes, ChannelRows cut) {
  const ChannelThread thread = channel_thread<width>(cut);
  if (!thread.active) return;
  const ChannelConstants<T, width, kind> constants(arguments, cut, thread.channel);
  Values<width> mean_gradient;
  Values<width> slope;
#pragma unroll
  for (int j = 0; j < width; ++j) {
    const int at = static_cast<int>(blockIdx.z) * cut.channels + thread.channel + j;
    mean_gradient.v[j] = mean_gradients[at];
    slope.v[j] = slopes[at];
  }
  const std::int64_t stride = thread.step * cut.channels;
  std::int64_t at = thread.element;
  for (std::int64_t row = thread.row; row < thread.end; row += kRowsAtOnce * thread.step) {
    Values<width> x[kRowsAtOnce];  // all loads before the first store: dx may be dy
    Values<width> dy[kRowsAtOnce];
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      if (row + i * thread.step >= thread.end) break;
      x[i] = load<width>(arguments.x + at + i * stride);
      dy[i] = load<width>(arguments.dy + at + i * stride);
    }
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      if (row + i * thread.step >= thread.end) break;
#pragma unroll
      for (int j = 0; j < width; ++j) {
        const float distance = x[i].v[j] - constants.mean.v[j];
        const float g = constants.before_activation(dy[i].v[j], distance, j);
        dy[i].v[j] = constants.scale.v[j] * (g - mean_gradient.v[j] - distance * slope.v[j]);
      }
      store<width>(arguments.dx + at + i * stride, dy[i]);
    }
    at += kRowsAtOnce * stride;
  }
}

template <class T, int width, Activation kind>
void launch_backward(const Context& context, const BackwardArguments<T>& arguments,
                     const BatchNormBackward& tensors, float* scratch, int groups) {
  const Shape& shape = tensors.x.shape;
  const ChannelRows cut = channel_rows(shape, groups, width, kSumsBlocks, kSumsRows);
  const std::int64_t partials = std::int64_t{groups} * cut.chunks * cut.channels;
  float* sums = scratch;
  float* moments = sums + partials;
  float* mean_gradients = moments + partials;
  float* slopes = mean_gradients + std::int64_t{groups} * cut.channels;
  launch(context, batch_norm_sums_kernel<T, width, kind>,
         {"batch_norm_sums_kernel", cut.blocks(), cut.threads()}, arguments, sums, moments, cut);
  const bool wanted = !tensors.dweight.empty();
  const FinishArguments finish{sums,
                               moments,
                               arguments.invstd,
                               mean_gradients,
                               slopes,
                               wanted ? tensors.dweight.as<float>() : nullptr,
                               wanted ? tensors.dbias.as<float>() : nullptr};
  launch(context, batch_norm_finish_sums_kernel,
         {"batch_norm_finish_sums_kernel",
          dim3(static_cast<unsigned>((cut.channels + kSumColumns - 1) / kSumColumns)),
          dim3(kSumColumns, kSumLanes)},
         finish, cut);
  const ChannelRows apply = channel_rows(shape, groups, width, kApplyBlocks, kApplyRows);
  launch(context, batch_norm_apply_kernel<T, width, kind>,
         {"batch_norm_apply_kernel", apply.blocks(), apply.threads()}, arguments, mean_gradients,
         slopes, apply);
}

}  // namespace

void batch_norm_backward(const Context& context, const BatchNormBackward& tensors,
                         TensorView scratch, const BatchNormOptions& options) {
  const ConstTensorView& x = tensors.x;
  with_storage_and_width(x.dtype,
                         x.shape[3] % (16 / size_of(x.dtype)) == 0 &&
                             aligned16(x.data, tensors.dy.data, tensors.dx.data),
                         [&]<class T, int width>() {
                           const BackwardArguments<T> arguments{
                               x.as<T>(),
                               tensors.dy.as<T>(),
                               tensors.dx.as<T>(),
                               tensors.parameters.weight.as<float>(),
                               tensors.parameters.bias.as<float>(),
                               tensors.saved.mean.as<float>(),
                               tensors.saved.invstd.as<float>(),
                               options.activation.negative_slope};
                           with_activation(options.activation.kind, [&]<Activation kind>() {
                             if constexpr (kind != Activation::tanh) {  // refused by the contract
                               launch_backward<T, width, kind>(context, arguments, tensors,
                                                               scratch.as<float>(), options.groups);
                             }
                           });
                         });
}

// The forward pass needs the partial results too, cut by the same constants.
std::int64_t batch_norm_scratch_elements(const Context& /*context*/, const Shape& shape,
                                         int groups) {
  std::int64_t chunks = 0;
  for (const int width : {1, kWide<float>, kWide<bf16>}) {
    if (shape[3] % width != 0) continue;
    const ChannelRows cut = channel_rows(shape, groups, width, kSumsBlocks, kSumsRows);
    chunks = std::max<std::int64_t>(chunks, cut.chunks);
  }
  return 2 * groups * (chunks + 1) * shape[3];
}

}  // namespace dcgan::cuda
