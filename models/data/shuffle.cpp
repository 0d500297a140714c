#include "models/data/shuffle.h"

#include <limits>
#include <numeric>
#include <utility>

#include "runtime/base/errors.h"
#include "runtime/base/philox.h"

namespace dcgan {
namespace {

void check(std::int64_t count, std::int64_t epoch) {
  DCGAN_CHECK(count >= 0 && count <= std::numeric_limits<std::uint32_t>::max(),
              "epoch order: {} images, the numbers reach 2^32 - 1", count);
  DCGAN_CHECK(epoch >= 0, "epoch order: epoch {} is negative", epoch);
}

}  // namespace

std::vector<std::int64_t> epoch_order(std::int64_t count, std::uint64_t seed, std::int64_t epoch) {
  check(count, epoch);
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  RandomSequence random({seed, RandomStream::shuffle}, static_cast<std::uint64_t>(epoch), 0);
  for (std::size_t left = order.size(); left > 1; --left) {
    std::swap(order[left - 1], order[random.next_below(static_cast<std::uint32_t>(left))]);
  }
  return order;
}

std::vector<std::uint8_t> epoch_flips(std::int64_t count, std::uint64_t seed, std::int64_t epoch) {
  check(count, epoch);
  std::vector<std::uint8_t> flips(static_cast<std::size_t>(count));
  const RandomKey key{seed, RandomStream::flip};
  for (std::size_t i = 0; i < flips.size(); ++i) {
    const RandomWords words =
        random_words(key, static_cast<std::uint64_t>(epoch), static_cast<std::uint32_t>(i), 0);
    flips[i] = static_cast<std::uint8_t>(words.word[0] >> 31);
  }
  return flips;
}

}  // namespace dcgan
