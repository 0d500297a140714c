#include "models/data/workers.h"

#include <atomic>
#include <stdexcept>
#include <vector>

#include "tests/support/catch.h"

using namespace dcgan;

TEST_CASE("every job runs once on any number of workers") {
  for (const int workers : {0, 1, 2, 7}) {
    std::vector<std::atomic<int>> runs(100);
    run_workers(100, workers, [&](std::int64_t i) { ++runs[static_cast<std::size_t>(i)]; });
    for (const auto& count : runs) REQUIRE(count == 1);
  }
  run_workers(0, 3, [](std::int64_t) { throw std::logic_error("no job to run"); });
}

TEST_CASE("the failure of the lowest job is the one that is thrown") {
  for (const int workers : {1, 2, 7}) {
    std::atomic<int> begun{0};
    const auto job = [&](std::int64_t i) {
      ++begun;
      if (i >= 40) throw std::runtime_error(std::to_string(i));
    };
    REQUIRE_THROWS_WITH(run_workers(100000, workers, job), "40");
    REQUIRE(begun < 100000);
  }
}
