// How batch norm's kernels divide a tensor (N, H, W, C): a group's images are `rows` pixels of C
// channels; a block has a tile of channels and a chunk of a group's rows. A thread keeps to `width`
// neighbouring channels and steps through rows, so what belongs to a channel stays in its
// registers.
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

struct ChannelRows {
  std::int64_t rows;            ///< of a group
  std::int64_t rows_per_chunk;  ///< the last chunk may have fewer
  int channels;
  int groups;
  int chunks;  ///< of a group
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

/// How many blocks a kernel should have at most, and rows one of its threads at least, about.
struct ChunkLimits {
  std::int64_t most_blocks;
  std::int64_t fewest_rows;
  std::int64_t most_chunks;  ///< of a group
};
/// Of a pass that leaves nothing behind but its output: about as many blocks as a GPU holds.
inline constexpr ChunkLimits kElementwiseLimits{2048, 4, 65535};

/// Tiles of channels, with a group's rows in one chunk. A tile of wide rows is one line of memory:
/// narrow tiles leave more rows to a block, and fewer parts for the same number of blocks.
inline ChannelRows channel_tiles(const Shape& shape, int groups, int width) {
  ChannelRows result{};
  result.channels = static_cast<int>(shape[3]);
  result.groups = groups;
  result.rows = shape[0] / groups * shape[1] * shape[2];
  const int pieces = result.channels / width;
  const int most_lanes = width > 1 ? kLineBytes / 16 : kMostLanes;
  result.lanes = 1;
  while (result.lanes < pieces && result.lanes < most_lanes) result.lanes *= 2;
  result.tiles = (pieces + result.lanes - 1) / result.lanes;
  result.rows_per_chunk = result.rows;
  result.chunks = 1;
  return result;
}

/// Chunks of a group's rows: of the shape and the width alone, never of the GPU, so that sums
/// repeat bit for bit on any.
inline std::int64_t row_chunks(const ChannelRows& tiles, const ChunkLimits& limits) {
  const std::int64_t rows_at_once = kChannelThreads / tiles.lanes;
  const std::int64_t wanted =
      std::min({limits.most_blocks / (std::int64_t{tiles.tiles} * tiles.groups),
                tiles.rows / (rows_at_once * limits.fewest_rows), limits.most_chunks});
  return std::max<std::int64_t>(wanted, 1);
}

/// The same tiles with the rows in about `chunks` chunks: as many as `rows_per_chunk` leaves.
inline ChannelRows divided(ChannelRows tiles, std::int64_t chunks) {
  tiles.rows_per_chunk = (tiles.rows + chunks - 1) / chunks;
  tiles.chunks = static_cast<int>((tiles.rows + tiles.rows_per_chunk - 1) / tiles.rows_per_chunk);
  return tiles;
}

/// For a pass that leaves nothing behind but its output.
inline ChannelRows channel_rows(const Shape& shape, int groups, int width) {
  const ChannelRows tiles = channel_tiles(shape, groups, width);
  return divided(tiles, row_chunks(tiles, kElementwiseLimits));
}

/// Does every row begin at a multiple of 16 bytes if the tensor does?
inline bool rows_are_wide(const Shape& shape, DType dtype) {
  return shape[3] % (16 / static_cast<std::int64_t>(size_of(dtype))) == 0;
}

/// For a pass that leaves one part of statistics or sums a chunk. The parts are of the shape and
/// the type alone; `width` may be less than these allow, where a tensor is not aligned.
inline ChannelRows part_rows(const Shape& shape, DType dtype, int groups, int width) {
  // 256 chunks bound the work of the block that adds up the parts.
  constexpr ChunkLimits kLimits{/*most_blocks=*/528, /*fewest_rows=*/4, /*most_chunks=*/256};
  const int widest = rows_are_wide(shape, dtype) ? 16 / static_cast<int>(size_of(dtype)) : 1;
  const std::int64_t chunks = row_chunks(channel_tiles(shape, groups, widest), kLimits);
  return divided(channel_tiles(shape, groups, width), chunks);
}

/// What one thread works on.
struct ChannelThread {
  int channel;           // first of its `width`
  bool active;           // the channel exists
  std::int64_t row;      // its first row in the group
  std::int64_t end;      // of the chunk's rows
  std::int64_t step;     // to its next row
  std::int64_t element;  // of (row, channel) in the tensor
};

template <int width>
__device__ __forceinline__ ChannelThread channel_thread(const ChannelRows& division) {
  ChannelThread thread;
  thread.channel = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x) * width;
  thread.active = thread.channel < division.channels;
  const std::int64_t first = blockIdx.y * division.rows_per_chunk;
  thread.end = first + division.rows_per_chunk < division.rows ? first + division.rows_per_chunk
                                                               : division.rows;
  thread.row = first + threadIdx.y;
  thread.step = blockDim.y;
  thread.element = (blockIdx.z * division.rows + thread.row) * division.channels + thread.channel;
  return thread;
}

/// Where the results of a group's chunk begin in a table (groups, chunks, C), for the thread's
/// channels.
__device__ __forceinline__ std::int64_t part_element(const ChannelRows& division, unsigned group,
                                                     unsigned chunk, const ChannelThread& thread) {
  return (std::int64_t{group} * division.chunks + chunk) * division.channels + thread.channel;
}

/// Rows of a group's chunk.
__device__ __forceinline__ float rows_of_chunk(const ChannelRows& division, unsigned chunk) {
  const std::int64_t left = division.rows - chunk * division.rows_per_chunk;
  return static_cast<float>(left < division.rows_per_chunk ? left : division.rows_per_chunk);
}

/// The thread's place in tables that a block shares.
__device__ __forceinline__ int place_in_block() {
  return static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x);
}

}  // namespace dcgan::cuda
