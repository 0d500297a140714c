// How the CPU's batch norm walks a tensor: rows are pixels of C channels each, a group has M of
// them, and a group's rows are cut into chunks, each summed by one thread. The cut depends on the
// shape alone, so the bits do not depend on the number of threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "runtime/base/shape.h"

namespace dcgan::cpu {

struct RowChunks {
  std::int64_t groups = 0;
  std::int64_t channels = 0;
  std::int64_t rows = 0;            ///< M: rows of a group
  std::int64_t chunks = 0;          ///< of a group
  std::int64_t rows_per_chunk = 0;  ///< the last may have fewer

  RowChunks(const Shape& shape, int group_count)
      : groups(group_count),
        channels(shape[3]),
        rows(shape[0] / group_count * shape[1] * shape[2]) {
    // A chunk's merge costs about as much as two of its rows; 64 chunks feed 64 cores.
    const std::int64_t wanted = std::clamp<std::int64_t>(rows / 32, 1, 64);
    rows_per_chunk = (rows + wanted - 1) / wanted;
    chunks = (rows + rows_per_chunk - 1) / rows_per_chunk;
  }
  /// Elements of two rows of C partial sums for each chunk.
  std::int64_t partials() const { return 2 * groups * chunks * channels; }
  std::int64_t tasks() const { return groups * chunks; }
  /// First row of a task, counted through the whole tensor, and how many rows it has.
  std::int64_t first_row(std::int64_t task) const {
    return task / chunks * rows + task % chunks * rows_per_chunk;
  }
  /// First row of the task's group.
  std::int64_t base_row(std::int64_t task) const { return task / chunks * rows; }
  std::int64_t row_count(std::int64_t task) const {
    return std::min(rows_per_chunk, rows - task % chunks * rows_per_chunk);
  }
};

/// Channels that one inner loop covers: its sums stay on the stack, in the first-level cache.
inline constexpr std::int64_t kChannelTile = 512;
/// Rows summed plainly before their sums are merged upward, so that rounding does not pile up.
inline constexpr std::int64_t kRowBlock = 64;

}  // namespace dcgan::cpu
