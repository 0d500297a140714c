// How batch norm's kernels walk a tensor (N, H, W, C): a group's images are `rows` pixels of C
// channels; a block takes a tile of channels and a chunk of a group's rows. A thread keeps to
// `width` neighbouring channels and steps through rows, so what belongs to a channel stays in its
// registers.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/common/cuda/launch.h"
#include "runtime/base/shape.h"

namespace dcgan::cuda {

inline constexpr int kChannelThreads = 256;

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

/// The cut depends on the shape alone, never on the GPU, so that sums repeat bit for bit on any.
/// `most_blocks`: about how many; `fewest_rows`: that a thread should at least have.
inline ChannelRows channel_rows(const Shape& shape, int groups, int width, std::int64_t most_blocks,
                                std::int64_t fewest_rows) {
  constexpr std::int64_t kMostChunks = 256;  // bounds the second stage of a reduction
  ChannelRows result{};
  result.channels = static_cast<int>(shape[3]);
  result.groups = groups;
  result.rows = shape[0] / groups * shape[1] * shape[2];
  const int pieces = result.channels / width;
  result.lanes = 1;
  while (result.lanes < pieces && result.lanes < 32) result.lanes *= 2;
  result.tiles = (pieces + result.lanes - 1) / result.lanes;
  const std::int64_t rows_at_once = kChannelThreads / result.lanes;
  const std::int64_t wanted = std::min({most_blocks / (std::int64_t{result.tiles} * groups),
                                        result.rows / (rows_at_once * fewest_rows), kMostChunks});
  const std::int64_t chunks = std::max<std::int64_t>(wanted, 1);
  result.rows_per_chunk = (result.rows + chunks - 1) / chunks;
  result.chunks =
      static_cast<int>((result.rows + result.rows_per_chunk - 1) / result.rows_per_chunk);
  return result;
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
__device__ __forceinline__ ChannelThread channel_thread(const ChannelRows& cut) {
  ChannelThread thread;
  thread.channel = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x) * width;
  thread.active = thread.channel < cut.channels;
  const std::int64_t first = blockIdx.y * cut.rows_per_chunk;
  thread.end = first + cut.rows_per_chunk < cut.rows ? first + cut.rows_per_chunk : cut.rows;
  thread.row = first + threadIdx.y;
  thread.step = blockDim.y;
  thread.element = (blockIdx.z * cut.rows + thread.row) * cut.channels + thread.channel;
  return thread;
}

/// The thread's place in tables that a block shares.
__device__ __forceinline__ int place_in_block() {
  return static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x);
}

}  // namespace dcgan::cuda
