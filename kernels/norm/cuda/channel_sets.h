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

/// The column of its tile that a thread finishes, behind join_warps().
struct TileColumn {
  int column;
  int channel;
  bool exists;

  __device__ __forceinline__ TileColumn(const ChannelRows& division, int width)
      : column(place_in_block()) {
    const int columns = static_cast<int>(blockDim.x) * width;
    channel = static_cast<int>(blockIdx.x) * columns + column;
    exists = column < columns && channel < division.channels;
  }
};

/// Joins the parts of each group, for the last block of a tile; half of the warps have one group
/// and half the next. load(group, chunk) gives a part as a set of the thread's channels;
/// use(element, set) gets each group's, in their order, in the thread of the column; element: of
/// (group, channel). Every thread calls it.
template <template <int> class Set, int width, class Load, class Use>
__device__ __forceinline__ void join_groups(const ChannelRows& division, int channel,
                                            const TileColumn& own, WarpSets<Set, width>& shared,
                                            const Load& load, const Use& use) {
  constexpr int parts_at_once = 3;  // on their way
  const int groups_at_once = division.groups > 1 ? 2 : 1;
  const int step = static_cast<int>(blockDim.y) / groups_at_once;
  const auto row = static_cast<int>(threadIdx.y);
  for (int base = 0; base < division.groups; base += groups_at_once) {
    const int group = base + row / step;
    const bool reads = channel < division.channels && group < division.groups;
    const int chunks = reads ? division.chunks : 0;
    Set<width> all{};
    for (int chunk = row % step; chunk < chunks; chunk += parts_at_once * step) {
      Set<width> parts[parts_at_once] = {};
#pragma unroll
      for (int i = 0; i < parts_at_once; ++i) {
        if (chunk + i * step < chunks) parts[i] = load(group, chunk + i * step);
      }
#pragma unroll
      for (int i = 0; i < parts_at_once; ++i) all.add(parts[i]);
    }
    join_warps(all, shared);
    for (int i = 0; own.exists && i < groups_at_once && base + i < division.groups; ++i) {
      use(std::int64_t{base + i} * division.channels + own.channel,
          groups_at_once == 1
              ? joined<kChannelWarps>(shared, 0, own.column)
              : joined<kChannelWarps / 2>(shared, i * (kChannelWarps / 2), own.column));
    }
    __syncthreads();  // the use of `shared` is over
  }
}

}  // namespace dcgan::cuda
