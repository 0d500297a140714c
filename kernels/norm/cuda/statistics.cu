// Batch norm forward, the pass over memory for statistics: count, mean and M2 of every chunk of
// rows, which is a part. Where no other rank's are wanted, the last block of a tile of channels to
// arrive finishes them in the same launch.
#include "kernels/common/cuda/last_block.h"
#include "kernels/common/cuda/vector.h"
#include "kernels/norm/batch_norm_variants.h"
#include "kernels/norm/cuda/finish.h"

namespace dcgan::cuda {
namespace {

constexpr int kRowsAtOnce = 8;  // loads in flight of one thread

struct Parts {
  float* count;   // (groups, parts)
  float* origin;  // (groups, C)
  float* mean;    // (groups, parts, C)
  float* m2;
};

/// Of the thread's rows. Sums distances from its own first value, so nothing cancels when |mean| is
/// much larger than sigma. The mean is a distance from `origin`.
template <class T, int width>
__device__ __forceinline__ Moments<width> thread_moments(const T* x, const T* origin,
                                                         const ChannelThread& thread) {
  Moments<width> result{};
  if (thread.rows == 0) return result;
  const Values<width> first = load<width>(x + thread.element);
  const Values<width> from_origin = load<width>(origin);
  Values<width> sums{};
  Values<width> squares{};
  for_rows<kRowsAtOnce>(thread, [&](std::int64_t element, int count) {
    Values<width> rows[kRowsAtOnce];
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      if (i < count) rows[i] = load<width>(x + element + i * thread.stride);
    }
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      if (i >= count) break;
#pragma unroll
      for (int j = 0; j < width; ++j) {
        const float distance = rows[i].v[j] - first.v[j];
        sums.v[j] += distance;
        squares.v[j] += distance * distance;
      }
    }
  });
  result.count = static_cast<float>(thread.rows);
  const float inverse = 1.0f / result.count;
#pragma unroll
  for (int j = 0; j < width; ++j) {
    result.mean.v[j] = (first.v[j] - from_origin.v[j]) + sums.v[j] * inverse;
    result.m2.v[j] = squares.v[j] - sums.v[j] * sums.v[j] * inverse;
  }
  return result;
}

/// What a finished batch leaves. Every thread of the block calls it.
template <int width>
__device__ __forceinline__ void finish_tile(const Parts& parts, const FinishOut& to, int channel,
                                            const ChannelRows& division, const TileColumn& own,
                                            WarpSets<Moments, width>& shared) {
  // By a thread that finishes no channel, while the parts are on their way.
  if (blockIdx.x == 0 && place_in_block() == kChannelThreads - 1) {
    *to.batches_tracked += division.groups;
  }
  RunningChannel running(to, own.channel, own.exists);
  join_groups<Moments, width>(
      division, channel, own, shared,
      [&](int group, int chunk) -> Moments<width> {
        const std::int64_t at = part_element(division, group, chunk, channel);
        return {rows_of_chunk(division, chunk), load_channels<width>(parts.mean + at),
                load_channels<width>(parts.m2 + at)};
      },
      [&](std::int64_t at, Moments<1> all) {
        all.mean.v[0] += parts.origin[at];
        running.finish(to, all, at);
      });
  if (own.exists) running.store(to, own.channel);
}

/// The origin of a group is its first row. tickets: (tiles), or null: parts only.
template <class T, int width>
__global__ void __launch_bounds__(kChannelThreads, 2)
    batch_norm_statistics_kernel(const T* x, Parts parts, ChannelRows division, FinishOut to,
                                 int* tickets) {
  start_after_previous();
  using Sets = WarpSets<Moments, width>;
  DCGAN_SHARED(Sets, shared, [1]);
  const ChannelThread thread = channel_thread<width>(division, Sweep::descending);
  const T* origins = x + std::int64_t{blockIdx.z} * division.rows * division.channels;
  join_warps(thread_moments<T, width>(x, origins + thread.channel, thread), shared[0]);
  const TileColumn own(division, width);
  if (own.exists) {
    const int channel = own.channel;
    const Moments<1> all = joined<kChannelWarps>(shared[0], 0, own.column);
    const std::int64_t at = part_element(division, blockIdx.z, blockIdx.y, channel);
    parts.mean[at] = all.mean.v[0];
    parts.m2[at] = all.m2.v[0];
    if (blockIdx.y == 0) {
      parts.origin[blockIdx.z * division.channels + channel] = load_one(origins + channel);
    }
    if (channel == 0) parts.count[blockIdx.z * division.chunks + blockIdx.y] = all.count;
  }
  if (tickets == nullptr) return;
  if (!is_last_block(tickets + blockIdx.x, gridDim.y * gridDim.z)) return;
  finish_tile<width>(parts, to, thread.channel, division, own, shared[0]);
}

void launch_statistics(const Context& context, ConstTensorView x,
                       const BatchNormStatistics& statistics, const BatchNormOptions& options,
                       const FinishOut& to, int* tickets) {
  const Parts parts{statistics.count.as<float>(), statistics.origin.as<float>(),
                    statistics.mean.as<float>(), statistics.m2.as<float>()};
  const bool wide = rows_are_wide(x.shape, x.dtype) &&
                    aligned16(static_cast<const float*>(x.data), parts.mean, parts.m2);
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
