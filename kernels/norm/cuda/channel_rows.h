// How batch norm's kernels divide a tensor (N, H, W, C): a group's images are `rows` pixels of C
// channels; a block has a tile of channels and a share of a group's rows. A thread keeps to `width`
// neighbouring channels and steps through rows, so what belongs to a channel stays in its
// registers.
//
// The shares interleave: in one step the blocks of a group together take neighbouring rows, and so
// sweep through the tensor side by side. The direction of a sweep is chosen so that it begins where
// the pass before has ended: those rows are still in the second-level cache.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/common/cuda/launch.h"
#include "kernels/common/cuda/vector.h"
#include "runtime/base/shape.h"

namespace dcgan::cuda {

inline constexpr int kChannelThreads = 256;
inline constexpr int kMostLanes = 32;
inline constexpr int kLineBytes = 128;  // of a row that a tile should cover
inline constexpr int kLinePieces = kLineBytes / 16;

/// Channels of a tile at most.
template <int width>
inline constexpr int kTileChannels = width > 1 ? kLinePieces* width : kMostLanes;

struct ChannelRows {
  int rows;  ///< of a group
  int channels;
  int groups;
  int chunks;  ///< shares of a group's rows
  int lanes;   ///< threads across a tile, a power of two; each has `width` channels
  int tiles;   ///< of channels

  dim3 blocks() const {
    return dim3(static_cast<unsigned>(tiles), static_cast<unsigned>(chunks),
                static_cast<unsigned>(groups));
  }
  dim3 threads() const {
    return dim3(static_cast<unsigned>(lanes), static_cast<unsigned>(kChannelThreads / lanes));
  }
};

/// Rows that a thread should have at least, about.
inline constexpr int kFewestRows = 4;
/// Blocks of kernels with many loads in flight: two on each of 132 multiprocessors, all resident at
/// once. Also the most parts of a sum, which bounds the work of the block that adds them up.
inline constexpr int kTwoResident = 2 * 132;
/// Blocks of kernels with fewer: three.
inline constexpr int kThreeResident = 3 * 132;

/// Tiles of channels, with a group's rows in one chunk. A tile of wide rows is one line of memory:
/// narrow tiles leave more rows to a block, and fewer parts for the same number of blocks.
inline ChannelRows channel_tiles(const Shape& shape, int groups, int width) {
  ChannelRows result{};
  result.channels = static_cast<int>(shape[3]);
  result.groups = groups;
  const std::int64_t rows = shape[0] / groups * shape[1] * shape[2];
  DCGAN_CHECK(rows <= 0x7fffffff, "batch_norm: {} rows are too many", rows);
  result.rows = static_cast<int>(rows);
  const int pieces = result.channels / width;
  const int most_lanes = width > 1 ? kLinePieces : kMostLanes;
  result.lanes = 1;
  while (result.lanes < pieces && result.lanes < most_lanes) result.lanes *= 2;
  result.tiles = (pieces + result.lanes - 1) / result.lanes;
  result.chunks = 1;
  return result;
}

/// Chunks of a group's rows: of the shape and the width alone, never of the GPU, so that sums
/// repeat bit for bit on any.
inline int row_chunks(const ChannelRows& tiles, int most_blocks) {
  const int rows = kChannelThreads / tiles.lanes * kFewestRows;
  const int wanted = std::min(most_blocks / (tiles.tiles * tiles.groups), tiles.rows / rows);
  return std::max(wanted, 1);
}

/// For a pass that leaves nothing behind but its output.
inline ChannelRows channel_rows(const Shape& shape, int groups, int width, int most_blocks) {
  ChannelRows division = channel_tiles(shape, groups, width);
  division.chunks = row_chunks(division, most_blocks);
  return division;
}

/// Does every row begin at a multiple of 16 bytes if the tensor does?
inline bool rows_are_wide(const Shape& shape, DType dtype) {
  return shape[3] % (16 / static_cast<std::int64_t>(size_of(dtype))) == 0;
}

/// For a pass that leaves one part of statistics or sums a chunk. The parts are of the shape and
/// the type alone; `width` may be less than these allow, where a tensor is not aligned.
inline ChannelRows part_rows(const Shape& shape, DType dtype, int groups, int width) {
  const int widest = rows_are_wide(shape, dtype) ? 16 / static_cast<int>(size_of(dtype)) : 1;
  ChannelRows division = channel_tiles(shape, groups, width);
  division.chunks = row_chunks(channel_tiles(shape, groups, widest), kTwoResident);
  return division;
}

enum class Sweep { ascending, descending };

/// What one thread works on.
struct ChannelThread {
  int channel;           // first of its `width`
  bool active;           // the channel exists
  int rows;              // of the thread; none when it is not active
  std::int64_t element;  // of (its first row, channel) in the tensor
  std::int64_t stride;   // elements to its next row
};

template <int width>
__device__ __forceinline__ ChannelThread channel_thread(const ChannelRows& division, Sweep sweep) {
  ChannelThread thread;
  thread.channel = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x) * width;
  thread.active = thread.channel < division.channels;
  const int first = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
  const int step = static_cast<int>(gridDim.y * blockDim.y);
  const bool any = thread.active && first < division.rows;
  thread.rows = any ? (division.rows - first - 1) / step + 1 : 0;
  const int row = sweep == Sweep::ascending ? first : division.rows - 1 - first;
  thread.element =
      (std::int64_t{blockIdx.z} * division.rows + row) * division.channels + thread.channel;
  thread.stride = std::int64_t{sweep == Sweep::ascending ? step : -step} * division.channels;
  return thread;
}

/// Calls body(first, count) for a thread's rows, `at_once` at a time, so that its loads can be
/// started together: count is a constant but for the last call.
template <int at_once, class Body>
__device__ __forceinline__ void for_rows(const ChannelThread& thread, const Body& body) {
  std::int64_t element = thread.element;
  int left = thread.rows;
  for (; left >= at_once; left -= at_once) {
    body(element, at_once);
    element += at_once * thread.stride;
  }
  if (left > 0) body(element, left);
}

/// Rows of a group's chunk.
__device__ __forceinline__ float rows_of_chunk(const ChannelRows& division, unsigned chunk) {
  const auto at_once = static_cast<int>(blockDim.y);
  const int step = division.chunks * at_once;
  const int whole = division.rows / step;
  const int rest = division.rows - whole * step - static_cast<int>(chunk) * at_once;
  return static_cast<float>(whole * at_once + (rest < 0 ? 0 : rest < at_once ? rest : at_once));
}

/// Where the results of a group's chunk begin in a table (groups, chunks, C), from `channel` on.
__device__ __forceinline__ std::int64_t part_element(const ChannelRows& division, unsigned group,
                                                     unsigned chunk, int channel) {
  return (std::int64_t{group} * division.chunks + chunk) * division.channels + channel;
}

/// The thread's place in tables that a block shares.
__device__ __forceinline__ int place_in_block() {
  return static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x);
}

/// A thread's channels of a float32 table: 16 bytes an access where `width` allows it, to which the
/// address must be aligned.
template <int width>
__device__ __forceinline__ Values<width> load_channels(const float* from) {
  if constexpr (width == 1) {
    return {*from};
  } else {
    Values<width> values;
#pragma unroll
    for (int first = 0; first < width; first += 4) {
      const Values<4> four = load<4>(from + first);
#pragma unroll
      for (int j = 0; j < 4; ++j) values.v[first + j] = four.v[j];
    }
    return values;
  }
}

}  // namespace dcgan::cuda
