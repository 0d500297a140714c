// One direction of batch norm in one launch: a pass that finds what a group has in common, a meeting
// of the blocks, a pass that uses it. Between the passes a thread keeps its first rows in the block's
// shared memory, as they are stored; the others it reads again, the last first, which are in the
// second-level cache.
#pragma once

#include "kernels/common/cuda/meeting.h"
#include "kernels/norm/cuda/channel_sets.h"

namespace dcgan::cuda {

inline constexpr int kResidentThreads = 512;
inline constexpr int kResidentWarps = kResidentThreads / 32;
/// One block of so many threads on each multiprocessor, with most of its shared memory for rows.
inline constexpr int kOneResident = 132;

template <template <int> class Set, int width>
using ResidentSets = WarpSets<Set, width, kResidentWarps>;

/// How a kernel of this kind is launched.
struct ResidentLaunch {
  ChannelRows division;
  int kept = 0;                  ///< rows of each thread, of each tensor
  std::size_t shared_bytes = 0;  ///< for them
  bool possible = false;         ///< the GPU holds the blocks at once
};

/// For a kernel that keeps rows of `tensors` tensors; row_bytes: of a thread's part of a row.
template <class... Parameters>
ResidentLaunch resident_launch(const Context& context, void (*kernel)(Parameters...),
                               const Shape& shape, int groups, int width, int tensors,
                               std::size_t row_bytes) {
  const std::size_t most_bytes = most_shared_bytes(context, kernel);
  const int most_blocks = blocks_at_once(context, kernel, kResidentThreads, most_bytes);
  ResidentLaunch result;
  result.division = channel_tiles(shape, groups, width, kResidentThreads);
  ChannelRows& division = result.division;
  division.chunks = row_chunks(division, std::min(most_blocks, kOneResident));
  result.possible = std::int64_t{division.tiles} * division.chunks * groups <= most_blocks;
  const int step = division.chunks * (kResidentThreads / division.lanes);
  const std::size_t one_row = kResidentThreads * static_cast<std::size_t>(tensors) * row_bytes;
  result.kept =
      std::min((division.rows - 1) / step + 1, static_cast<int>(most_bytes / one_row));
  result.shared_bytes = static_cast<std::size_t>(result.kept) * one_row;
  return result;
}

/// The rows that a thread keeps of one tensor: no other thread looks at them.
template <class T, int width>
struct KeptRows {
  using Row = Packed<T, width>;
  Row* first;
  int most;

  /// index: of the tensor, among those of which the block keeps rows.
  __device__ __forceinline__ KeptRows(int index, int most_rows)
      : first(dynamic_shared<Row>() + index * most_rows * kResidentThreads + place_in_block()),
        most(most_rows) {}
  __device__ __forceinline__ void keep(int row, const Row& packed) const {
    if (row < most) first[row * kResidentThreads] = packed;
  }
  /// Calls body(row, element) for the rows that are kept of a thread's.
  template <class Body>
  __device__ __forceinline__ void for_each(const ChannelThread& thread, const Body& body) const {
    const int rows = thread.rows < most ? thread.rows : most;
    for (int i = 0; i < rows; ++i) body(i, thread.element + i * thread.stride);
  }
  __device__ __forceinline__ Values<width> row(int i) const {
    return unpack<T, width>(first[i * kResidentThreads]);
  }
};

/// The thread's rows behind its first `kept`.
__device__ __forceinline__ ChannelThread rows_behind(ChannelThread thread, int kept) {
  thread.rows = thread.rows > kept ? thread.rows - kept : 0;
  thread.element += kept * thread.stride;
  return thread;
}

/// The same rows, the last first.
__device__ __forceinline__ ChannelThread reversed(ChannelThread thread) {
  thread.element += (thread.rows - 1) * thread.stride;
  thread.stride = -thread.stride;
  return thread;
}

/// A number of each channel of the block's tile.
template <int width>
struct TileNumbers {
  float v[kTileChannels<width>];
};

/// Those of the thread's channels.
template <int width>
__device__ __forceinline__ Values<width> numbers_of(const TileNumbers<width>& table) {
  return load_channels<width>(table.v + threadIdx.x * width);
}

/// The first block of a tile, which finishes what groups have together.
__device__ __forceinline__ bool is_first_of_tile() { return blockIdx.y == 0 && blockIdx.z == 0; }

}  // namespace dcgan::cuda
