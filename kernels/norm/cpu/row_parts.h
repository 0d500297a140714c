// How the CPU's batch norm divides a tensor: rows are pixels of C channels each, a group has M of
// them, and a group's rows are divided into parts, each summed by one thread. The division depends
// on the shape alone, so the bits do not depend on the number of threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "runtime/base/shape.h"

namespace dcgan::cpu {

struct RowParts {
  std::int64_t groups = 0;
  std::int64_t channels = 0;
  std::int64_t rows = 0;           ///< M: rows of a group
  std::int64_t parts = 0;          ///< of a group
  std::int64_t rows_per_part = 0;  ///< the last may have fewer

  RowParts(const Shape& shape, int group_count)
      : groups(group_count),
        channels(shape[3]),
        rows(shape[0] / group_count * shape[1] * shape[2]) {
    // Merging a part costs about as much as two of its rows; 64 parts feed 64 cores.
    const std::int64_t wanted = std::clamp<std::int64_t>(rows / 32, 1, 64);
    rows_per_part = (rows + wanted - 1) / wanted;
    parts = (rows + rows_per_part - 1) / rows_per_part;
  }
  /// One for each part of each group; task / parts is its group.
  std::int64_t tasks() const { return groups * parts; }
  /// First row of a task, counted through the whole tensor, and how many rows it has.
  std::int64_t first_row(std::int64_t task) const {
    return task / parts * rows + task % parts * rows_per_part;
  }
  std::int64_t row_count(std::int64_t task) const {
    return std::min(rows_per_part, rows - task % parts * rows_per_part);
  }
};

/// Channels that one inner loop covers: its sums stay on the stack, in the first-level cache.
inline constexpr std::int64_t kChannelTile = 512;
/// Rows summed plainly before their sums are merged upward, so that rounding does not accumulate.
inline constexpr std::int64_t kRowBlock = 64;

}  // namespace dcgan::cpu
