// How the CPU's batch norm walks a tensor: rows are pixels of C channels each, a group has M of
// them, and a group's rows are cut into chunks, each summed by one thread. The cut depends on the
// shape alone, so the bits do not depend on the number of threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "runtime/base/shape.h"

namespace dcgan::cpu {

struct RowChunks {
  /// Two rows of C partial sums for each chunk of each group, at most so many floats where there is
  /// more than one chunk: 64 KiB, which fits on any stack and in the second-level cache.
  static constexpr std::int64_t kMaxPartials = 16384;

  std::int64_t groups = 0;
  std::int64_t channels = 0;
  std::int64_t rows = 0;            ///< M: rows of a group
  std::int64_t chunks = 0;          ///< of a group
  std::int64_t rows_per_chunk = 0;  ///< the last may have fewer

  RowChunks(const Shape& shape, int group_count)
      : groups(group_count),
        channels(shape[3]),
        rows(shape[0] / group_count * shape[1] * shape[2]) {
    constexpr std::int64_t kFewestRows = 32;  // a chunk's merge costs about as much as two rows
    constexpr std::int64_t kMostChunks = 64;
    const std::int64_t room = kMaxPartials / (2 * groups * channels);
    const std::int64_t wanted = std::min({room, rows / kFewestRows, kMostChunks});
    rows_per_chunk =
        (rows + std::max<std::int64_t>(wanted, 1) - 1) / std::max<std::int64_t>(wanted, 1);
    chunks = (rows + rows_per_chunk - 1) / rows_per_chunk;
  }
  std::int64_t partials() const { return 2 * groups * chunks * channels; }
  std::int64_t tasks() const { return groups * chunks; }
  /// First row of a task, counted through the whole tensor, and how many rows it has.
  std::int64_t first_row(std::int64_t task) const {
    return task / chunks * rows + task % chunks * rows_per_chunk;
  }
  std::int64_t row_count(std::int64_t task) const {
    return std::min(rows_per_chunk, rows - task % chunks * rows_per_chunk);
  }
};

/// Channels that one inner loop covers: its sums stay on the stack, in the first-level cache.
inline constexpr std::int64_t kChannelTile = 512;
/// Rows summed plainly before their sums are merged upward, so that rounding does not pile up.
inline constexpr std::int64_t kRowBlock = 64;

}  // namespace dcgan::cpu
