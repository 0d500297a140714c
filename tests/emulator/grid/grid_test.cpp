// Tests of the emulator: threads, blocks and barriers, and reports of kernels that use them
// wrongly.
#include "tests/emulator/grid/grid.h"

#include <cuda_emulator.h>

#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "kernels/common/cuda/reduce.h"
#include "tests/emulator/grid/race_check.h"
#include "tests/emulator/grid/support.h"
#include "tests/support/catch.h"

namespace dcgan::emulator {

TEST_CASE("every thread of every block runs once, in each order") {
  for (const ThreadOrder order : kOrders) {
    set_order(order);
    Array<int> visits(2 * 3 * 2 * 4 * 5 * 6);
    std::fill_n(visits.data(), visits.count, 0);
    run_grid({"visit", dim3(2, 3, 2), dim3(4, 5, 6)}, [&] {
      const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
      const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
      ++visits[block * 120 + thread];
    });
    CHECK(visits.values() == std::vector<int>(visits.count, 1));
  }
  set_order(ThreadOrder::forward);
}

TEST_CASE(
    "forward, reverse and random orders are permutations, and the random one follows its seed") {
  const auto sequence = [](ThreadOrder order, std::uint64_t seed) {
    set_order(order, seed);
    std::vector<unsigned> seen(16);
    unsigned count = 0;
    run_grid({"note", dim3(1), dim3(16)}, [&] { seen[atomicAdd(&count, 1)] = threadIdx.x; });
    set_order(ThreadOrder::forward);
    return seen;
  };
  std::vector<unsigned> forward(16);
  std::iota(forward.begin(), forward.end(), 0u);
  CHECK(sequence(ThreadOrder::forward, 1) == forward);
  CHECK(sequence(ThreadOrder::reverse, 1) ==
        std::vector<unsigned>(forward.rbegin(), forward.rend()));
  const auto random = sequence(ThreadOrder::random, 1);
  CHECK(random != forward);
  CHECK(std::set<unsigned>(random.begin(), random.end()).size() == 16);
  CHECK(random == sequence(ThreadOrder::random, 1));
  CHECK(random != sequence(ThreadOrder::random, 2));
}

TEST_CASE("a reduction with its barriers is right in every order") {
  const Array<float> x = counting(256);
  for (const ThreadOrder order : kOrders) {
    set_order(order);
    const Array<float> sums(2);
    run_grid({"sum", dim3(2), dim3(128)}, [&] { sum_kernel(x.data(), sums.data(), true); });
    CHECK(sums[0] == 128 * 129 / 2);
    CHECK(sums[1] == 256 * 257 / 2 - 128 * 129 / 2);
  }
  set_order(ThreadOrder::forward);
}

TEST_CASE("planted bug: a missing barrier gives different results in different orders") {
  if (kRaceCheck) return;  // the race is reported first: race_test.cpp
  const Array<float> x = counting(128);
  std::set<std::string> results;  // as text, because NaN differs from itself
  for (const ThreadOrder order : kOrders) {
    set_order(order);
    const Array<float> sums(1);
    run_grid({"sum", dim3(1), dim3(128)}, [&] { sum_kernel(x.data(), sums.data(), false); });
    results.insert(std::to_string(sums[0]));
  }
  set_order(ThreadOrder::forward);
  CHECK(results.size() > 1);
}

TEST_CASE("planted bug: returning before a barrier is reported with thread, file and line") {
  const unsigned line = __LINE__ + 3;
  const std::string report = report_of({"early", dim3(1), dim3(64)}, [] {
    if (threadIdx.x == 7) return;
    __syncthreads();
  });
  CHECK_THAT(report, Contains("kernel early") && Contains("thread (7, 0, 0) has ended") &&
                         Contains("grid_test.cpp:" + std::to_string(line)));
}

TEST_CASE("planted bug: threads at two different barriers are reported") {
  const std::string report = report_of({"diverging", dim3(1), dim3(64)}, [] {
    if (threadIdx.x < 32) {
      __syncthreads();
    } else {
      __syncthreads();
    }
  });
  CHECK_THAT(report, Contains("the barrier diverges") && Contains("(32, 0, 0)"));
}

TEST_CASE("__syncthreads_or gives every thread the or of all predicates") {
  for (const bool present : {false, true}) {
    Array<int> out(96);
    run_grid({"any", dim3(1), dim3(96)},
             [&] { out[threadIdx.x] = __syncthreads_or(present && threadIdx.x == 50); });
    CHECK(out.values() == std::vector<int>(96, present ? 1 : 0));
  }
}

TEST_CASE("launches that no GPU would accept are refused") {
  const auto nothing = [] {};
  CHECK_THAT(report_of({"none", dim3(0), dim3(32)}, nothing), Contains("0 x 1 x 1 blocks"));
  CHECK_THAT(report_of({"large", dim3(1), dim3(1025)}, nothing), Contains("1025"));
  CHECK_THAT(report_of({"high", dim3(1, 65536), dim3(1)}, nothing), Contains("65536"));
  CHECK_THAT(report_of({"much", dim3(1), dim3(1), (227 << 10) + 1}, nothing), Contains("232449"));
  CHECK(report_of({"fits", dim3(2, 3), dim3(1024), 227 << 10}, nothing).empty());
}

TEST_CASE("planted bug: a thread that does not wait for the kernel before its own is reported") {
  const auto report = [](unsigned waiting) -> std::string {
    try {
      run_kernel({"hasty", dim3(2), dim3(32)}, [&] {
        if (threadIdx.x < waiting) cuda::start_after_previous();
      });
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  };
  CHECK(report(32).empty());
  CHECK_THAT(report(31), Contains("hasty") && Contains("62 calls") && Contains("64 threads"));
}

TEST_CASE("the emulator runs the next kernel after it has reported one") {
  CHECK_FALSE(report_of({"stuck", dim3(1), dim3(64)}, [] {
                if (threadIdx.x < 60) __syncthreads();
              }).empty());
  const Array<float> x = counting(128);
  const Array<float> sums(1);
  run_grid({"sum", dim3(1), dim3(128)}, [&] { sum_kernel(x.data(), sums.data(), true); });
  CHECK(sums[0] == 128 * 129 / 2);
}

TEST_CASE("the block sum adds every thread's value, whatever the order") {
  for (const ThreadOrder order : kOrders) {
    set_order(order);
    Array<float> out(1);
    run_grid({"block_sum", dim3(1), dim3(256)}, [&] {
      DCGAN_SHARED(float, shared, [32]);
      const float sum = cuda::block_sum<256>(static_cast<float>(threadIdx.x), shared);
      if (threadIdx.x == 0) out[0] = sum;
    });
    CHECK(out[0] == 255 * 256 / 2);
  }
  set_order(ThreadOrder::forward);
}

}  // namespace dcgan::emulator
