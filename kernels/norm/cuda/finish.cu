// Batch norm's small launches, which join the parts of several ranks: merge and finish.
#include "kernels/common/cuda/columns.h"
#include "kernels/norm/batch_norm_variants.h"
#include "kernels/norm/cuda/finish.h"

namespace dcgan::cuda {
namespace {

/// (groups, parts, C) of statistics.
struct PartsShape {
  int groups;
  int parts;
  int channels;

  explicit PartsShape(const Shape& shape)
      : groups(static_cast<int>(shape[0])),
        parts(static_cast<int>(shape[1])),
        channels(static_cast<int>(shape[2])) {}
};

/// One block of kSumColumns x kSumLanes threads for kSumColumns channels.
LaunchShape launch_shape(const char* kernel, const PartsShape& shape) {
  return {kernel, dim3(static_cast<unsigned>((shape.channels + kSumColumns - 1) / kSumColumns)),
          dim3(kSumColumns, kSumLanes)};
}

struct StatisticsIn {
  const float* count;   // (groups, parts)
  const float* origin;  // (groups, C)
  const float* mean;    // (groups, parts, C)
  const float* m2;

  explicit StatisticsIn(const BatchNormStatistics& from)
      : count(from.count.as<float>()),
        origin(from.origin.as<float>()),
        mean(from.mean.as<float>()),
        m2(from.m2.as<float>()) {}
};

using SharedMoments = Moments<1>[kSumLanes][kSumColumns];

/// The statistics of a channel in a group, valid in lane 0. Lane l merges parts l, l + 16, ...,
/// then the lanes are merged in order. Has barriers: every thread must call it (active or not).
__device__ __forceinline__ Moments<1> merge_parts(const StatisticsIn& from, const PartsShape& shape,
                                                  int group, int channel, bool active,
                                                  SharedMoments& shared) {
  Moments<1> all{};
  if (active) {
#pragma unroll 4
    for (int part = static_cast<int>(threadIdx.y); part < shape.parts; part += kSumLanes) {
      const std::int64_t row = std::int64_t{group} * shape.parts + part;
      const std::int64_t at = row * shape.channels + channel;
      const Moments<1> more{from.count[row], {from.mean[at]}, {from.m2[at]}};
      if (more.count > 0.0f) all.add(more);  // what an empty part holds is not looked at
    }
  }
  __syncthreads();  // the last use of `shared` is over
  shared[threadIdx.y][threadIdx.x] = all;
  __syncthreads();
  if (threadIdx.y != 0 || !active) return all;
  for (int lane = 1; lane < kSumLanes; ++lane) all.add(shared[lane][threadIdx.x]);
  all.mean.v[0] += from.origin[std::int64_t{group} * shape.channels + channel];
  return all;
}

struct StatisticsOut {
  float* count;   // (groups, parts)
  float* origin;  // (groups, C)
  float* mean;    // (groups, parts, C)
  float* m2;
  int parts;
  int part;  // the one that the merged statistics become
};

__global__ void __launch_bounds__(kSumColumns* kSumLanes)
    batch_norm_merge_kernel(StatisticsIn from, PartsShape shape, StatisticsOut to) {
  start_after_previous();
  DCGAN_SHARED(Moments<1>, shared, [kSumLanes][kSumColumns]);
  const int channel = static_cast<int>(blockIdx.x * kSumColumns + threadIdx.x);
  const bool active = channel < shape.channels;
  for (int group = 0; group < shape.groups; ++group) {
    const Moments<1> all = merge_parts(from, shape, group, channel, active, shared);
    if (!active) continue;
    for (int part = static_cast<int>(threadIdx.y); part < to.parts; part += kSumLanes) {
      if (part == to.part) continue;
      const std::int64_t row = std::int64_t{group} * to.parts + part;
      to.mean[row * shape.channels + channel] = 0.0f;
      to.m2[row * shape.channels + channel] = 0.0f;
      if (channel == 0) to.count[row] = 0.0f;
    }
    if (threadIdx.y != 0) continue;
    const std::int64_t row = std::int64_t{group} * to.parts + to.part;
    to.mean[row * shape.channels + channel] = all.mean.v[0];
    to.m2[row * shape.channels + channel] = all.m2.v[0];
    to.origin[std::int64_t{group} * shape.channels + channel] = 0.0f;
    if (channel == 0) to.count[row] = all.count;
  }
}

__global__ void __launch_bounds__(kSumColumns* kSumLanes)
    batch_norm_finish_kernel(StatisticsIn from, PartsShape shape, FinishOut to) {
  start_after_previous();
  DCGAN_SHARED(Moments<1>, shared, [kSumLanes][kSumColumns]);
  const int channel = static_cast<int>(blockIdx.x * kSumColumns + threadIdx.x);
  const bool active = channel < shape.channels;
  const bool writes = active && threadIdx.y == 0;
  RunningChannel running(to, channel, writes);
  for (int group = 0; group < shape.groups; ++group) {
    const Moments<1> all = merge_parts(from, shape, group, channel, active, shared);
    if (writes) running.finish(to, all, std::int64_t{group} * shape.channels + channel);
  }
  if (writes) running.store(to, channel);
  if (channel == 0 && threadIdx.y == 0) *to.batches_tracked += shape.groups;
}

}  // namespace

void batch_norm_merge(const Context& context, const BatchNormStatistics& from,
                      const BatchNormStatistics& to, std::int64_t part) {
  const PartsShape shape(from.mean.shape);
  const StatisticsOut out{to.count.as<float>(),
                          to.origin.as<float>(),
                          to.mean.as<float>(),
                          to.m2.as<float>(),
                          static_cast<int>(to.mean.shape[1]),
                          static_cast<int>(part)};
  launch(context, batch_norm_merge_kernel, launch_shape("batch_norm_merge_kernel", shape),
         StatisticsIn(from), shape, out);
}

void batch_norm_finish(const Context& context, const BatchNormStatistics& statistics,
                       const BatchNormRunning& running, const BatchNormSaved& saved,
                       const BatchNormOptions& options) {
  const PartsShape shape(statistics.mean.shape);
  launch(context, batch_norm_finish_kernel, launch_shape("batch_norm_finish_kernel", shape),
         StatisticsIn(statistics), shape, finish_out(running, saved, options));
}

}  // namespace dcgan::cuda
