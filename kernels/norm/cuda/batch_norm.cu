// Batch norm forward. Training takes three launches: a mean and a sum of squares for every chunk of
// rows, their merge with the update of the running statistics, and the pass that normalises.
#include "kernels/common/cuda/columns.h"
#include "kernels/common/cuda/vector.h"
#include "kernels/norm/batch_norm_variants.h"
#include "kernels/norm/cuda/channel_rows.h"

namespace dcgan::cuda {
namespace {

constexpr std::int64_t kStatisticsBlocks = 512;
constexpr std::int64_t kStatisticsRows = 8;
constexpr std::int64_t kNormaliseBlocks = 2048;
constexpr std::int64_t kNormaliseRows = 4;
constexpr int kRowsAtOnce = 4;  // loads in flight of one thread

/// Count, mean and sum of squared distances from it.
struct Moments {
  float count;
  float mean;
  float m2;
};

/// Those of two sets together (Chan, Golub and LeVeque 1979).
__device__ __forceinline__ Moments merged(const Moments& a, const Moments& b) {
  if (b.count == 0.0f) return a;
  const float count = a.count + b.count;
  const float share = b.count / count;
  const float delta = b.mean - a.mean;
  return {count, a.mean + delta * share, a.m2 + b.m2 + delta * delta * a.count * share};
}

/// means, m2s: (groups, chunks, C). A thread sums distances from its own first value, so nothing
/// cancels when |mean| is much larger than sigma; then threads are merged pairwise. Means are kept
/// as distances from the group's first row, which go to `origins` (groups, C): a float near a large
/// mean is too coarse to tell two threads' means apart.
template <class T, int width>
__global__ void __launch_bounds__(kChannelThreads)
    batch_norm_statistics_kernel(const T* x, float* means, float* m2s, float* origins,
                                 ChannelRows cut) {
  DCGAN_SHARED(float, shared_means, [width][kChannelThreads]);
  DCGAN_SHARED(float, shared_m2s, [width][kChannelThreads]);
  DCGAN_SHARED(float, shared_counts, [kChannelThreads]);
  const ChannelThread thread = channel_thread<width>(cut);
  Values<width> origin{};
  Values<width> sums{};
  Values<width> squares{};
  float count = 0.0f;
  if (thread.active && thread.row < thread.end) {
    const std::int64_t stride = thread.step * cut.channels;
    const T* from = x + thread.element;
    origin = load<width>(from);
    const std::int64_t rows = (thread.end - thread.row + thread.step - 1) / thread.step;
#pragma unroll 4
    for (std::int64_t row = 1; row < rows; ++row) {
      const Values<width> values = load<width>(from + row * stride);
#pragma unroll
      for (int j = 0; j < width; ++j) {
        const float distance = values.v[j] - origin.v[j];
        sums.v[j] += distance;
        squares.v[j] += distance * distance;
      }
    }
    count = static_cast<float>(rows);
  }
  const int place = place_in_block();
  const float inverse = count > 0.0f ? 1.0f / count : 0.0f;
  Values<width> group_origin{};
  if (thread.active) {
    group_origin = load<width>(x + blockIdx.z * cut.rows * cut.channels + thread.channel);
  }
  shared_counts[place] = count;
#pragma unroll
  for (int j = 0; j < width; ++j) {
    shared_means[j][place] = (origin.v[j] - group_origin.v[j]) + sums.v[j] * inverse;
    shared_m2s[j][place] = squares.v[j] - sums.v[j] * sums.v[j] * inverse;
  }
  for (unsigned half = blockDim.y / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.y < half) {
      const int other = place + static_cast<int>(half * blockDim.x);
      Moments all{};
#pragma unroll
      for (int j = 0; j < width; ++j) {
        all = merged({shared_counts[place], shared_means[j][place], shared_m2s[j][place]},
                     {shared_counts[other], shared_means[j][other], shared_m2s[j][other]});
        shared_means[j][place] = all.mean;
        shared_m2s[j][place] = all.m2;
      }
      shared_counts[place] = all.count;
    }
  }
  if (threadIdx.y == 0 && thread.active) {
    const std::int64_t to =
        (std::int64_t{blockIdx.z} * cut.chunks + blockIdx.y) * cut.channels + thread.channel;
#pragma unroll
    for (int j = 0; j < width; ++j) {
      means[to + j] = shared_means[j][place];
      m2s[to + j] = shared_m2s[j][place];
      if (blockIdx.y == 0) {
        origins[blockIdx.z * cut.channels + thread.channel + j] = group_origin.v[j];
      }
    }
  }
}

struct FinishArguments {
  const float* means;  // (groups, chunks, C)
  const float* m2s;
  float* saved_mean;  // (groups, C); on entry the origins
  float* saved_invstd;
  float* running_mean;  // (C)
  float* running_var;
  std::int64_t* batches_tracked;
  float epsilon;
  float momentum;
};

/// Merges the chunks of a column: lane l those of number l, l + 16, ..., then the lanes in order.
__device__ __forceinline__ Moments merge_chunks(const FinishArguments& arguments,
                                                const ChannelRows& cut, std::int64_t first,
                                                bool active,
                                                Moments (&shared)[kSumLanes][kSumColumns]) {
  Moments all{};
  if (active) {
#pragma unroll 4
    for (int chunk = static_cast<int>(threadIdx.y); chunk < cut.chunks; chunk += kSumLanes) {
      const std::int64_t at = first + std::int64_t{chunk} * cut.channels;
      const std::int64_t left = cut.rows - chunk * cut.rows_per_chunk;
      const std::int64_t rows = left < cut.rows_per_chunk ? left : cut.rows_per_chunk;
      all = merged(all, {static_cast<float>(rows), arguments.means[at], arguments.m2s[at]});
    }
  }
  __syncthreads();  // the last use of `shared` is over
  shared[threadIdx.y][threadIdx.x] = all;
  __syncthreads();
  if (threadIdx.y != 0) return all;
  for (int lane = 1; lane < kSumLanes; ++lane) all = merged(all, shared[lane][threadIdx.x]);
  return all;
}

__device__ __forceinline__ void update_running(float* running, float momentum, float value) {
  *running = (1.0f - momentum) * *running + momentum * value;
}

/// Blocks of kSumColumns x kSumLanes threads, one for kSumColumns channels.
__global__ void __launch_bounds__(kSumColumns* kSumLanes)
    batch_norm_finish_kernel(FinishArguments arguments, ChannelRows cut) {
  DCGAN_SHARED(Moments, shared, [kSumLanes][kSumColumns]);
  const int channel = static_cast<int>(blockIdx.x * kSumColumns + threadIdx.x);
  const bool active = channel < cut.channels;
  const auto rows = static_cast<float>(cut.rows);
  for (int group = 0; group < cut.groups; ++group) {
    const std::int64_t first = std::int64_t{group} * cut.chunks * cut.channels + channel;
    const Moments all = merge_chunks(arguments, cut, first, active, shared);
    if (!active || threadIdx.y != 0) continue;
    const float variance = all.m2 / rows;
    const float mean = arguments.saved_mean[group * cut.channels + channel] + all.mean;
    arguments.saved_mean[group * cut.channels + channel] = mean;
    arguments.saved_invstd[group * cut.channels + channel] =
        1.0f / sqrtf(variance + arguments.epsilon);
    update_running(arguments.running_mean + channel, arguments.momentum, mean);
    update_running(arguments.running_var + channel, arguments.momentum, all.m2 / (rows - 1.0f));
  }
  if (blockIdx.x == 0 && threadIdx.x == 0 && threadIdx.y == 0) {
    *arguments.batches_tracked += cut.groups;
  }
}

enum class Spread { inverse_deviation, variance };

template <class T>
struct NormaliseArguments {
  const T* x;
  T* y;
  const float* mean;    // (groups, C)
  const float* spread;  // (groups, C): what the kernel's Spread says
  const float* weight;  // (C)
  const float* bias;
  float epsilon;
  float negative_slope;
};

template <class T, int width, Activation kind, Spread spread>
__global__ void __launch_bounds__(kChannelThreads)
    batch_norm_normalise_kernel(NormaliseArguments<T> arguments, ChannelRows cut) {
  const ChannelThread thread = channel_thread<width>(cut);
  if (!thread.active) return;
  Values<width> mean;
  Values<width> scale;
  Values<width> bias;
#pragma unroll
  for (int j = 0; j < width; ++j) {
    const int at = static_cast<int>(blockIdx.z) * cut.channels + thread.channel + j;
    const float given = arguments.spread[at];
    const float invstd =
        spread == Spread::inverse_deviation ? given : 1.0f / sqrtf(given + arguments.epsilon);
    mean.v[j] = arguments.mean[at];
    scale.v[j] = invstd * arguments.weight[thread.channel + j];
    bias.v[j] = arguments.bias[thread.channel + j];
  }
  const T* from = arguments.x + thread.element;
  T* to = arguments.y + thread.element;
  const std::int64_t stride = thread.step * cut.channels;
  for (std::int64_t row = thread.row; row < thread.end; row += kRowsAtOnce * thread.step) {
    Values<width> rows[kRowsAtOnce];  // all loads before the first store: y may be x
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      if (row + i * thread.step < thread.end) rows[i] = load<width>(from + i * stride);
    }
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      if (row + i * thread.step >= thread.end) break;
#pragma unroll
      for (int j = 0; j < width; ++j) {
        const float z = fmaf(rows[i].v[j] - mean.v[j], scale.v[j], bias.v[j]);
        rows[i].v[j] = activate<kind>(z, arguments.negative_slope);
      }
      store<width>(to + i * stride, rows[i]);
    }
    from += kRowsAtOnce * stride;
    to += kRowsAtOnce * stride;
  }
}

template <class T, int width, Spread spread>
void normalise(const Context& context, const NormaliseArguments<T>& arguments, const Shape& shape,
               int groups, Activation kind) {
  const ChannelRows cut = channel_rows(shape, groups, width, kNormaliseBlocks, kNormaliseRows);
  with_activation(kind, [&]<Activation activation>() {
    if constexpr (activation != Activation::tanh) {  // refused by the contract
      launch(context, batch_norm_normalise_kernel<T, width, activation, spread>,
             {"batch_norm_normalise_kernel", cut.blocks(), cut.threads()}, arguments, cut);
    }
  });
}

}  // namespace

void batch_norm_train_forward(const Context& context, ConstTensorView x,
                              const BatchNormParameters& parameters,
                              const BatchNormRunning& running, TensorView y,
                              const BatchNormSaved& saved, TensorView scratch,
                              const BatchNormOptions& options) {
  with_storage_and_width(
      x.dtype, x.shape[3] % (16 / size_of(x.dtype)) == 0 && aligned16(x.data, y.data),
      [&]<class T, int width>() {
        const ChannelRows cut =
            channel_rows(x.shape, options.groups, width, kStatisticsBlocks, kStatisticsRows);
        float* means = scratch.as<float>();
        float* m2s = means + std::int64_t{cut.groups} * cut.chunks * cut.channels;
        launch(context, batch_norm_statistics_kernel<T, width>,
               {"batch_norm_statistics_kernel", cut.blocks(), cut.threads()}, x.as<T>(), means, m2s,
               saved.mean.as<float>(), cut);
        const FinishArguments finish{means,
                                     m2s,
                                     saved.mean.as<float>(),
                                     saved.invstd.as<float>(),
                                     running.mean.as<float>(),
                                     running.var.as<float>(),
                                     running.batches_tracked.as<std::int64_t>(),
                                     options.epsilon,
                                     options.momentum};
        launch(context, batch_norm_finish_kernel,
               {"batch_norm_finish_kernel",
                dim3(static_cast<unsigned>((cut.channels + kSumColumns - 1) / kSumColumns)),
                dim3(kSumColumns, kSumLanes)},
               finish, cut);
        const NormaliseArguments<T> arguments{x.as<T>(),
                                              y.as<T>(),
                                              saved.mean.as<float>(),
                                              saved.invstd.as<float>(),
                                              parameters.weight.as<float>(),
                                              parameters.bias.as<float>(),
                                              options.epsilon,
                                              options.activation.negative_slope};
        normalise<T, width, Spread::inverse_deviation>(context, arguments, x.shape, options.groups,
                                                       options.activation.kind);
      });
}

void batch_norm_eval_forward(const Context& context, ConstTensorView x,
                             const BatchNormParameters& parameters, const BatchNormRunning& running,
                             TensorView y, const BatchNormOptions& options) {
  with_storage_and_width(x.dtype,
                         x.shape[3] % (16 / size_of(x.dtype)) == 0 && aligned16(x.data, y.data),
                         [&]<class T, int width>() {
                           const NormaliseArguments<T> arguments{x.as<T>(),
                                                                 y.as<T>(),
                                                                 running.mean.as<float>(),
                                                                 running.var.as<float>(),
                                                                 parameters.weight.as<float>(),
                                                                 parameters.bias.as<float>(),
                                                                 options.epsilon,
                                                                 options.activation.negative_slope};
                           normalise<T, width, Spread::variance>(
                               context, arguments, x.shape, /*groups=*/1, options.activation.kind);
                         });
}

}  // namespace dcgan::cuda
