// Which gradients travel together between ranks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/networks/parameters.h"

namespace dcgan {

/// Blocks whose gradients lie and are completed one after the other: a backward pass goes from
/// `last` down to `first`, whose gradients complete the bucket.
struct GradientBucket {
  std::size_t first = 0;
  std::size_t last = 0;
  std::int64_t begin = 0;  ///< of the flat arrays, in elements, padding included
  std::int64_t count = 0;
};

/// In the order of a backward pass. Every bucket but the last holds at least `bucket_bytes` of f32
/// gradients; one block is never divided.
std::vector<GradientBucket> gradient_buckets(const std::vector<BlockParameters>& blocks,
                                             std::int64_t bucket_bytes);

}  // namespace dcgan
