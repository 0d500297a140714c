// What a block knows of its channels, joined in a fixed order. A Set<width> is what is known of a
// set of rows for `width` neighbouring channels; it has
//   void add(const Set&)            joins the set of other rows
//   Set from_lane(int distance)     that of the lane `distance` away (xor); whole warps call it
//   Set<1> of_channel(int j)
// and one whose bytes are zero is that of no rows.
#pragma once

#include "kernels/common/cuda/reduce.h"
#include "kernels/norm/cuda/channel_rows.h"

namespace dcgan::cuda {

inline constexpr int kChannelWarps = kChannelThreads / 32;

/// The sets of a block's warps, by channel of its tile.
template <template <int> class Set, int width>
struct WarpSets {
  Set<1> v[kChannelWarps][kTileChannels<width>];
};

/// Joins the sets of a warp's threads that have the same channels, and leaves them in `shared`. Has
/// a barrier behind: every thread must call it; before a second call on the same memory the caller
/// has a barrier of its own.
template <template <int> class Set, int width>
__device__ __forceinline__ void join_warps(Set<width> set, WarpSets<Set, width>& shared) {
  const int lanes = static_cast<int>(blockDim.x);
  for (int distance = lanes; distance < 32; distance *= 2) set.add(set.from_lane(distance));
  const int place = place_in_block();
  if (place % 32 < lanes) {
#pragma unroll
    for (int j = 0; j < width; ++j) {
      shared.v[place / 32][place % 32 * width + j] = set.of_channel(j);
    }
  }
  __syncthreads();
}

/// The sets of `warps` warps, a power of two, of a column of the tile.
template <int warps, template <int> class Set, int width>
__device__ __forceinline__ Set<1> joined(const WarpSets<Set, width>& shared, int first_warp,
                                         int column) {
  if constexpr (warps == 1) {
    return shared.v[first_warp][column];
  } else {
    Set<1> set = joined<warps / 2>(shared, first_warp, column);
    set.add(joined<warps / 2>(shared, first_warp + warps / 2, column));
    return set;
  }
}

/// How a block shares out the parts of several groups: half of its warps to each of two.
struct PartThreads {
  int groups_at_once;
  int warps;  // of a group
  int group;  // of the thread, among those at once
  int first;  // its first chunk
  int step;   // to its next

  __device__ __forceinline__ explicit PartThreads(const ChannelRows& division)
      : groups_at_once(division.groups > 1 ? 2 : 1), warps(kChannelWarps / groups_at_once) {
    const auto y = static_cast<int>(threadIdx.y);
    step = static_cast<int>(blockDim.y) / groups_at_once;
    group = y / step;
    first = y % step;
  }
};

/// Joins a group's parts. load(chunk) gives a part as a set of the thread's channels.
template <class Set, class Load>
__device__ __forceinline__ Set join_parts(const PartThreads& threads, int chunks,
                                          const Load& load) {
  constexpr int at_once = 4;  // parts on their way
  Set all{};
  for (int chunk = threads.first; chunk < chunks; chunk += at_once * threads.step) {
    Set parts[at_once] = {};
#pragma unroll
    for (int i = 0; i < at_once; ++i) {
      if (chunk + i * threads.step < chunks) parts[i] = load(chunk + i * threads.step);
    }
#pragma unroll
    for (int i = 0; i < at_once; ++i) all.add(parts[i]);
  }
  return all;
}

/// The set of one of the groups that join_warps() has just left.
template <template <int> class Set, int width>
__device__ __forceinline__ Set<1> joined_group(const WarpSets<Set, width>& shared,
                                               const PartThreads& threads, int group, int column) {
  if (threads.groups_at_once == 1) return joined<kChannelWarps>(shared, 0, column);
  return joined<kChannelWarps / 2>(shared, group * (kChannelWarps / 2), column);
}

}  // namespace dcgan::cuda
