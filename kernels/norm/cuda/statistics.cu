// Batch norm forward, the pass over memory for statistics: count, mean and M2 of every chunk of
// rows, which is a part. Where no other rank's are wanted, the last block of a tile of channels to
// arrive finishes them in the same launch.
#include "kernels/common/cuda/last_block.h"
#include "kernels/common/cuda/vector.h"
#include "kernels/norm/batch_norm_variants.h"
#include "kernels/norm/cuda/channel_rows.h"
#include "kernels/norm/cuda/channel_sums.h"
#include "kernels/norm/cuda/finish.h"

namespace dcgan::cuda {
namespace {

struct Parts {
  float* count;   // (groups, parts)
  float* origin;  // (groups, C)
  float* mean;    // (groups, parts, C)
  float* m2;
};

/// Of a set of values of each channel of a thread.
template <int width>
struct ChannelMoments {
  float count;
  Values<width> mean;
  Values<width> m2;
};

/// Of the thread's rows. Sums distances from its own first value, so nothing cancels when |mean| is
/// much larger than sigma. The mean is a distance from `origin`, which is read behind the loop: in
/// registers during it, it would spill.
template <class T, int width>
__device__ __forceinline__ ChannelMoments<width> thread_moments(const T* x,
                                                                const ChannelThread& thread,
                                                                const ChannelRows& division,
                                                                const T* origin) {
  ChannelMoments<width> result{};
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

/// Weighs a mean by its count: the first sum behind a merge.
template <int width>
__device__ __forceinline__ void add_weighted(Values<width>& sum, float count,
                                             const Values<width>& mean) {
#pragma unroll
  for (int j = 0; j < width; ++j) sum.v[j] += count * mean.v[j];
}

/// M2 of a set about another mean: the second sum behind a merge.
template <int width>
__device__ __forceinline__ void add_spread(Values<width>& sum, float count,
                                           const Values<width>& mean, const Values<width>& m2,
                                           const Values<width>& about) {
#pragma unroll
  for (int j = 0; j < width; ++j) {
    const float distance = mean.v[j] - about.v[j];
    sum.v[j] += m2.v[j] + count * distance * distance;
  }
}

template <int width>
__device__ __forceinline__ Values<width> scaled(Values<width> values, float factor) {
#pragma unroll
  for (int j = 0; j < width; ++j) values.v[j] *= factor;
  return values;
}

/// Those of all threads of a block together, in two sums: the mean, then the spread about it.
/// Chan's merge in another form, without a division a merge, and as little cancels.
template <int width>
__device__ __forceinline__ ChannelMoments<width> block_moments(const ChannelMoments<width>& own,
                                                               float count,
                                                               ChannelSumsMemory<width>& shared) {
  ChannelMoments<width> all{count, {}, {}};
  add_weighted(all.mean, own.count, own.mean);
  all.mean = scaled(sum_rows_of_block(all.mean, shared), 1.0f / count);
  add_spread(all.m2, own.count, own.mean, own.m2, all.mean);
  all.m2 = sum_rows_of_block(all.m2, shared);
  return all;
}

/// Those of a group from its parts, likewise.
template <int width>
__device__ __forceinline__ ChannelMoments<width> merged_parts(const Parts& parts, unsigned group,
                                                              const ChannelThread& thread,
                                                              const ChannelRows& division,
                                                              ChannelSumsMemory<width>& shared) {
  ChannelMoments<width> all{static_cast<float>(division.rows), {}, {}};
  const auto chunks = thread.active ? static_cast<unsigned>(division.chunks) : 0u;
#pragma unroll 4
  for (unsigned chunk = threadIdx.y; chunk < chunks; chunk += blockDim.y) {
    const std::int64_t at = part_element(division, group, chunk, thread);
    add_weighted(all.mean, rows_of_chunk(division, chunk), load_channels<width>(parts.mean + at));
  }
  all.mean = scaled(sum_rows_of_block(all.mean, shared), 1.0f / all.count);
#pragma unroll 2
  for (unsigned chunk = threadIdx.y; chunk < chunks; chunk += blockDim.y) {
    const std::int64_t at = part_element(division, group, chunk, thread);
    add_spread(all.m2, rows_of_chunk(division, chunk), load_channels<width>(parts.mean + at),
               load_channels<width>(parts.m2 + at), all.mean);
  }
  all.m2 = sum_rows_of_block(all.m2, shared);
  return all;
}

/// What a finished batch leaves; the thread has the first row of the block.
template <int width>
__device__ __forceinline__ void finish_tile(const Parts& parts, const FinishOut& to,
                                            const ChannelThread& thread,
                                            const ChannelRows& division,
                                            ChannelSumsMemory<width>& shared) {
  for (unsigned group = 0; group < static_cast<unsigned>(division.groups); ++group) {
    const ChannelMoments<width> all = merged_parts<width>(parts, group, thread, division, shared);
    if (threadIdx.y != 0 || !thread.active) continue;
    const std::int64_t at = std::int64_t{group} * division.channels + thread.channel;
#pragma unroll
    for (int j = 0; j < width; ++j) {
      const Moments moments{all.count, all.mean.v[j] + parts.origin[at + j], all.m2.v[j]};
      finish_channel(to, moments, at + j, thread.channel + j);
    }
  }
  if (threadIdx.y == 0 && thread.channel == 0) *to.batches_tracked += division.groups;
}

/// The origin of a group is its first row. tickets: (tiles), or null: parts only.
template <class T, int width>
__global__ void __launch_bounds__(kChannelThreads, 3)
    batch_norm_statistics_kernel(const T* x, Parts parts, ChannelRows division, FinishOut to,
                                 int* tickets) {
  start_after_previous();
  DCGAN_SHARED(ChannelSumsMemory<width>, shared, [1]);
  const ChannelThread thread = channel_thread<width>(division);
  const T* origin = x + blockIdx.z * division.rows * division.channels + thread.channel;
  const ChannelMoments<width> own = thread_moments<T, width>(x, thread, division, origin);
  const float count = rows_of_chunk(division, blockIdx.y);
  const ChannelMoments<width> all = block_moments(own, count, shared[0]);
  if (threadIdx.y == 0 && thread.active) {
    const std::int64_t at = part_element(division, blockIdx.z, blockIdx.y, thread);
    store_channels(parts.mean + at, all.mean);
    store_channels(parts.m2 + at, all.m2);
    if (blockIdx.y == 0) {
      store_channels(parts.origin + blockIdx.z * division.channels + thread.channel,
                     load<width>(origin));
    }
    if (thread.channel == 0) parts.count[blockIdx.z * division.chunks + blockIdx.y] = count;
  }
  if (tickets == nullptr) return;
  if (!is_last_block(tickets + blockIdx.x, gridDim.y * gridDim.z)) return;
  finish_tile<width>(parts, to, thread, division, shared[0]);
}

void launch_statistics(const Context& context, ConstTensorView x,
                       const BatchNormStatistics& statistics, const BatchNormOptions& options,
                       const FinishOut& to, int* tickets) {
  const Parts parts{statistics.count.as<float>(), statistics.origin.as<float>(),
                    statistics.mean.as<float>(), statistics.m2.as<float>()};
  const bool wide =
      rows_are_wide(x.shape, x.dtype) &&
      aligned16(static_cast<const float*>(x.data), parts.origin, parts.mean, parts.m2);
  with_storage_and_width(x.dtype, wide, [&]<class T, int width>() {
    const ChannelRows division = part_rows(x.shape, x.dtype, options.groups, width);
    launch(context, batch_norm_statistics_kernel<T, width>,
           {"batch_norm_statistics_kernel", division.blocks(), division.threads()}, x.as<T>(),
           parts, division, to, tickets);
  });
}

}  // namespace

std::int64_t batch_norm_parts(const Shape& shape, DType dtype, int groups) {
  return part_rows(shape, dtype, groups, /*width=*/1).chunks;
}

void batch_norm_statistics(const Context& context, ConstTensorView x,
                           const BatchNormStatistics& statistics, const BatchNormOptions& options) {
  launch_statistics(context, x, statistics, options, /*to=*/{}, /*tickets=*/nullptr);
}

void batch_norm_local_statistics(const Context& context, ConstTensorView x,
                                 const BatchNormLocal& tensors, const BatchNormOptions& options) {
  launch_statistics(context, x, tensors.parts, options,
                    finish_out(tensors.running, tensors.saved, options),
                    tensors.tickets.as<std::int32_t>());
}

}  // namespace dcgan::cuda
