#include "models/data/shuffle.h"

#include <algorithm>
#include <numeric>

#include "tests/support/catch.h"

using namespace dcgan;

TEST_CASE("an epoch's order holds every image once") {
  for (const std::int64_t count : {0, 1, 2, 3, 1000, 65537}) {
    std::vector<std::int64_t> order = epoch_order(count, 4, 2);
    std::sort(order.begin(), order.end());
    std::vector<std::int64_t> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), std::int64_t{0});
    REQUIRE(order == all);
  }
}

TEST_CASE("orders differ by seed and by epoch and repeat for the same") {
  REQUIRE(epoch_order(100, 1, 0) == epoch_order(100, 1, 0));
  REQUIRE(epoch_order(100, 1, 0) != epoch_order(100, 1, 1));
  REQUIRE(epoch_order(100, 1, 0) != epoch_order(100, 2, 0));
  REQUIRE(epoch_order(100, 1, 0) != epoch_order(100, 1 + (std::uint64_t{1} << 32), 0));
  REQUIRE(epoch_flips(100, 1, 0) != epoch_flips(100, 1, 1));
  REQUIRE(epoch_flips(100, 1, 0) != epoch_flips(100, 2, 0));
}

// Facts from a second implementation of Philox, Fisher-Yates and Lemire's method, in Python. A
// saved run depends on them: they must never change.
TEST_CASE("orders and flips are the stored ones") {
  REQUIRE(epoch_order(20, 7, 3) == std::vector<std::int64_t>{8,  17, 19, 12, 3,  14, 13, 7, 5, 1,
                                                             18, 0,  16, 15, 11, 4,  6,  9, 2, 10});
  std::vector<std::int64_t> first = epoch_order(60000, 1, 0);
  first.resize(8);
  REQUIRE(first == std::vector<std::int64_t>{53947, 17043, 933, 58919, 27014, 40414, 20531, 24748});
  REQUIRE(epoch_flips(24, 7, 3) == std::vector<std::uint8_t>{1, 0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0,
                                                             1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 0, 0});
}

TEST_CASE("every image reaches every place equally often") {
  // 4 images over 2400 epochs: 600 in each cell on average, standard deviation 21; 5 of them.
  int counts[4][4] = {};
  for (int epoch = 0; epoch < 2400; ++epoch) {
    const std::vector<std::int64_t> order = epoch_order(4, 11, epoch);
    for (int place = 0; place < 4; ++place) ++counts[place][order[static_cast<std::size_t>(place)]];
  }
  for (const auto& row : counts) {
    for (const int count : row) REQUIRE(std::abs(count - 600) < 106);
  }
}

TEST_CASE("half of the images are mirrored, an image does not depend on the count") {
  const std::vector<std::uint8_t> flips = epoch_flips(40000, 3, 0);
  // Standard deviation 100; 5 of them.
  REQUIRE(std::abs(std::accumulate(flips.begin(), flips.end(), 0) - 20000) < 500);
  const std::vector<std::uint8_t> fewer = epoch_flips(50, 3, 0);
  REQUIRE(std::equal(fewer.begin(), fewer.end(), flips.begin()));
}
