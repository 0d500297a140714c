// Batch norm forward, first launch: count, mean and M2 of every chunk of rows, which is a part.
#include "kernels/common/cuda/vector.h"
#include "kernels/norm/batch_norm_variants.h"
#include "kernels/norm/cuda/channel_rows.h"
#include "kernels/norm/cuda/moments.h"

namespace dcgan::cuda {
namespace {

struct StatisticsOut {
  float* count;   // (groups, parts)
  float* origin;  // (groups, C)
  float* mean;    // (groups, parts, C)
  float* m2;
};

template <int width>
struct ThreadMoments {
  float count;
  Values<width> mean;
  Values<width> m2;
};

/// Of the thread's rows. Sums distances from its own first value, so nothing cancels when |mean| is
/// much larger than sigma. The mean is a distance from `origin`, which is read behind the loop: in
/// registers during it, it would spill.
template <class T, int width>
__device__ __forceinline__ ThreadMoments<width> thread_moments(const T* x,
                                                               const ChannelThread& thread,
                                                               const ChannelRows& division,
                                                               const T* origin) {
  ThreadMoments<width> result{};
  if (!thread.active || thread.row >= thread.end) return result;
  const std::int64_t stride = thread.step * division.channels;
  const T* from = x + thread.element;
  const Values<width> first = load<width>(from);
  Values<width> sums{};
  Values<width> squares{};
  const std::int64_t rows = (thread.end - thread.row + thread.step - 1) / thread.step;
#pragma unroll 4
  for (std::int64_t row = 1; row < rows; ++row) {
    from += stride;
    const Values<width> values = load<width>(from);
#pragma unroll
    for (int j = 0; j < width; ++j) {
      const float distance = values.v[j] - first.v[j];
      sums.v[j] += distance;
      squares.v[j] += distance * distance;
    }
  }
  result.count = static_cast<float>(rows);
  const float inverse = 1.0f / result.count;
  const Values<width> from_origin = load<width>(origin);
#pragma unroll
  for (int j = 0; j < width; ++j) {
    result.mean.v[j] = (first.v[j] - from_origin.v[j]) + sums.v[j] * inverse;
    result.m2.v[j] = squares.v[j] - sums.v[j] * sums.v[j] * inverse;
  }
  return result;
}

/// The threads of a block are merged pairwise. The origin is the group's first row.
template <class T, int width>
__global__ void __launch_bounds__(kChannelThreads)
    batch_norm_statistics_kernel(const T* x, StatisticsOut out, ChannelRows division) {
  DCGAN_SHARED(float, shared_means, [width][kChannelThreads]);
  DCGAN_SHARED(float, shared_m2s, [width][kChannelThreads]);
  DCGAN_SHARED(float, shared_counts, [kChannelThreads]);
  const ChannelThread thread = channel_thread<width>(division);
  const T* origin = x + blockIdx.z * division.rows * division.channels + thread.channel;
  const int place = place_in_block();
  const ThreadMoments<width> own = thread_moments<T, width>(x, thread, division, origin);
  shared_counts[place] = own.count;
#pragma unroll
  for (int j = 0; j < width; ++j) {
    shared_means[j][place] = own.mean.v[j];
    shared_m2s[j][place] = own.m2.v[j];
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
  if (threadIdx.y != 0 || !thread.active) return;
  const std::int64_t to = part_element(division, thread);
#pragma unroll
  for (int j = 0; j < width; ++j) {
    out.mean[to + j] = shared_means[j][place];
    out.m2[to + j] = shared_m2s[j][place];
  }
  if (blockIdx.y == 0) {
    const Values<width> values = load<width>(origin);
#pragma unroll
    for (int j = 0; j < width; ++j) {
      out.origin[blockIdx.z * division.channels + thread.channel + j] = values.v[j];
    }
  }
  if (thread.channel == 0) {
    out.count[blockIdx.z * division.chunks + blockIdx.y] = shared_counts[place];
  }
}

}  // namespace

std::int64_t batch_norm_parts(const Shape& shape, DType dtype, int groups) {
  return part_rows(shape, dtype, groups, /*width=*/1).chunks;
}

void batch_norm_statistics(const Context& context, ConstTensorView x,
                           const BatchNormStatistics& statistics, const BatchNormOptions& options) {
  const bool wide = rows_are_wide(x.shape, x.dtype) && aligned16(x.data);
  with_storage_and_width(x.dtype, wide, [&]<class T, int width>() {
    const ChannelRows division = part_rows(x.shape, x.dtype, options.groups, width);
    const StatisticsOut out{statistics.count.as<float>(), statistics.origin.as<float>(),
                            statistics.mean.as<float>(), statistics.m2.as<float>()};
    launch(context, batch_norm_statistics_kernel<T, width>,
           {"batch_norm_statistics_kernel", division.blocks(), division.threads()}, x.as<T>(), out,
           division);
  });
}

}  // namespace dcgan::cuda
