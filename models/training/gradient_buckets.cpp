#include "models/training/gradient_buckets.h"

namespace dcgan {

std::vector<GradientBucket> gradient_buckets(const std::vector<BlockParameters>& blocks,
                                             std::int64_t bucket_bytes) {
  const std::int64_t enough = bucket_bytes / static_cast<std::int64_t>(sizeof(float));
  std::vector<GradientBucket> buckets;
  bool is_full = true;
  for (std::size_t block = blocks.size(); block-- > 0;) {
    if (is_full) buckets.push_back({block, block, blocks[block].first, 0});
    GradientBucket& bucket = buckets.back();
    bucket.first = block;
    bucket.count += blocks[block].count;
    is_full = bucket.count >= enough;
  }
  return buckets;
}

}  // namespace dcgan
