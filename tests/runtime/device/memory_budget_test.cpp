#include "runtime/device/memory_budget.h"

#include <limits>

#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;

namespace {

constexpr Device kGpu{DeviceType::cuda, 0};
constexpr std::size_t kMiB = std::size_t{1} << 20;

// 100 MiB of networks and 3 MiB for each image.
MemoryBudget budget_of(std::int64_t batch) {
  MemoryBudget budget(Device{});
  budget.add("networks", 100 * kMiB);
  budget.add("activations", static_cast<std::size_t>(batch) * 3 * kMiB);
  return budget;
}

}  // namespace

TEST_CASE("a budget is the sum of its needs, each rounded up to the device's granule") {
  MemoryBudget budget(kGpu);
  budget.add("weights", 3 * kMiB);
  budget.add("scalars", 8);
  budget.add("nothing", 0);
  CHECK(budget.bytes() == 6 * kMiB);
  REQUIRE(budget.needs().size() == 2);
  CHECK(budget.needs()[0].name == "weights");
  CHECK(budget.needs()[0].bytes == 4 * kMiB);
}

TEST_CASE("a budget does not depend on the order of its needs") {
  MemoryBudget first(kGpu);
  first.add("networks", 7 * kMiB);
  first.add("activations", 100 * kMiB);
  MemoryBudget second(kGpu);
  second.add("activations", 100 * kMiB);
  second.add("networks", 7 * kMiB);
  CHECK(first.bytes() == second.bytes());
}

TEST_CASE("a budget fits when it needs all that is free, and not with a byte less") {
  const MemoryBudget budget = budget_of(10);
  CHECK(budget.fits(130 * kMiB));
  CHECK_NOTHROW(budget.require_fits(130 * kMiB));
  CHECK_FALSE(budget.fits(130 * kMiB - 1));
}

TEST_CASE("a budget that does not fit names device, need, free and the largest parts first") {
  DCGAN_CHECK_FAILS(budget_of(100).require_fits(200 * kMiB), ErrorKind::unavailable,
                    "cpu has 200.0 MiB free, 400.0 MiB are needed (activations 300.0, networks "
                    "100.0)");
}

TEST_CASE("a budget whose sum overflows 64 bits does not fit") {
  MemoryBudget budget(kGpu);
  budget.add("huge", std::numeric_limits<std::size_t>::max() - 5);
  budget.add("huge again", std::size_t{1} << 63);
  CHECK_FALSE(budget.fits(std::numeric_limits<std::size_t>::max() - 1));
}

TEST_CASE("the largest batch that fits is the last one whose budget does") {
  CHECK(largest_batch_that_fits(1000, 400 * kMiB, budget_of) == 100);
  CHECK(largest_batch_that_fits(1000, 400 * kMiB - 1, budget_of) == 99);
  CHECK(largest_batch_that_fits(1000, 103 * kMiB, budget_of) == 1);
}

TEST_CASE("the largest batch is the upper bound when that fits, and 0 when no batch does") {
  CHECK(largest_batch_that_fits(100, 400 * kMiB, budget_of) == 100);
  CHECK(largest_batch_that_fits(50, 400 * kMiB, budget_of) == 50);
  CHECK(largest_batch_that_fits(1000, 102 * kMiB, budget_of) == 0);
  CHECK(largest_batch_that_fits(0, 400 * kMiB, budget_of) == 0);
}
