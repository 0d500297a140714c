// The order of the images in an epoch: a function of (seed, epoch), the same for any number of
// ranks.
#pragma once

#include <cstdint>
#include <vector>

namespace dcgan {

/// A permutation of [0, count): Fisher and Yates with Philox numbers.
std::vector<std::int64_t> epoch_order(std::int64_t count, std::uint64_t seed, std::int64_t epoch);

/// Whether each image is mirrored in this epoch, by its index in the data set: (count) of 0 or 1.
std::vector<std::uint8_t> epoch_flips(std::int64_t count, std::uint64_t seed, std::int64_t epoch);

}  // namespace dcgan
