// Which part of the work one rank does.
#pragma once

namespace dcgan {

/// Rank `rank` of `world_size`. The loader, the noise, the results and the manifest depend on it;
/// an operation does not.
struct Shard {
  int rank = 0;
  int world_size = 1;

  friend bool operator==(const Shard&, const Shard&) = default;
};

/// Throws Error(internal) with both numbers unless 0 <= rank < world_size.
void require_valid(const Shard& shard);

}  // namespace dcgan
