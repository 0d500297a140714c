// The emulator's own tests: what the device language means, and that wrong kernels are caught.
#include "tests/emulator/grid.h"

#include <cuda_emulator.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "kernels/cuda/reduce.h"
#include "kernels/cuda/vector.h"
#include "tests/emulator/memory.h"
#include "tests/support/catch.h"

namespace dcgan::emulator {
namespace {

constexpr ThreadOrder kOrders[] = {ThreadOrder::forward, ThreadOrder::reverse, ThreadOrder::random};

/// An array in fenced memory.
template <class T>
struct Array {
  explicit Array(std::size_t elements) : memory(elements * sizeof(T)), count(elements) {}
  T* data() const { return static_cast<T*>(memory.data()); }
  T& operator[](std::size_t i) const { return data()[i]; }
  std::vector<T> values() const { return {data(), data() + count}; }
  FencedMemory memory;
  std::size_t count;
};

Array<float> counting(std::size_t count) {
  Array<float> array(count);
  std::iota(array.data(), array.data() + count, 1.0f);
  return array;
}

/// The report of a kernel that is wrong; empty when none came.
std::string report_of(const Grid& grid, const std::function<void()>& kernel) {
  try {
    run_grid(grid, kernel);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::internal);
    return error.what();
  }
  return {};
}

/// Does the body end the process, or throw? In a child, so that AddressSanitizer may abort it.
bool dies(const std::function<void()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    close(STDERR_FILENO);  // the sanitizer's report would look like a failure of this test
    try {
      body();
    } catch (const Error&) {
      _exit(1);
    }
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

/// Is this program built with AddressSanitizer?
constexpr bool kAddressSanitizer =
#if defined(__SANITIZE_ADDRESS__)
    true;
#else
    false;
#endif

/// Sums each block's part of x through shared memory, as kernels do.
void sum_kernel(const float* x, float* sums, bool with_barrier) {
  DCGAN_SHARED(float, partial, [128]);
  const unsigned i = threadIdx.x;
  partial[i] = x[blockIdx.x * 128 + i];
  if (with_barrier) __syncthreads();
  for (unsigned half = 64; half > 0; half /= 2) {
    if (i < half) partial[i] += partial[i + half];
    if (with_barrier) __syncthreads();
  }
  if (i == 0) sums[blockIdx.x] = partial[0];
}

}  // namespace

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

TEST_CASE("thread orders are what they say, and the random one follows its seed") {
  const auto sequence = [](ThreadOrder order, std::uint64_t seed) {
    set_order(order, seed);
    std::vector<unsigned> seen;
    run_grid({"note", dim3(1), dim3(16)}, [&] { seen.push_back(threadIdx.x); });
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

TEST_CASE("planted bug: a barrier inside of a warp's branch is reported") {
  const std::string report = report_of({"mixed", dim3(1), dim3(32)}, [] {
    if (threadIdx.x == 0) {
      __syncthreads();
    } else {
      __syncwarp();
    }
  });
  CHECK_THAT(report, Contains("waits for lane 0") && Contains("waits at a barrier"));
}

TEST_CASE("warp operations move what CUDA's do") {
  const auto lanes = [](auto body) {
    Array<int> out(32);
    run_grid({"lanes", dim3(1), dim3(32)}, [&] {
      const int lane = static_cast<int>(threadIdx.x);
      out[threadIdx.x] = body(lane);
    });
    return out.values();
  };
  const auto expected = [](auto body) {
    std::vector<int> out(32);
    for (int lane = 0; lane < 32; ++lane) out[static_cast<std::size_t>(lane)] = body(lane);
    return out;
  };
  CHECK(lanes([](int lane) { return __shfl_sync(0xffffffffu, lane, 5); }) ==
        expected([](int) { return 5; }));
  CHECK(lanes([](int lane) { return __shfl_sync(0xffffffffu, lane, 9, 8); }) ==
        expected([](int lane) { return lane / 8 * 8 + 1; }));
  CHECK(lanes([](int lane) { return __shfl_down_sync(0xffffffffu, lane, 3); }) ==
        expected([](int lane) { return lane + 3 < 32 ? lane + 3 : lane; }));
  CHECK(lanes([](int lane) { return __shfl_up_sync(0xffffffffu, lane, 2, 16); }) ==
        expected([](int lane) { return lane % 16 >= 2 ? lane - 2 : lane; }));
  CHECK(lanes([](int lane) { return __shfl_xor_sync(0xffffffffu, lane, 7); }) ==
        expected([](int lane) { return lane ^ 7; }));
  // A segment may read from lower segments but not from higher ones (PTX: shfl.bfly).
  CHECK(lanes([](int lane) { return __shfl_xor_sync(0xffffffffu, lane, 16, 16); }) ==
        expected([](int lane) { return lane % 16; }));
  CHECK(lanes([](int lane) {
          return static_cast<int>(__ballot_sync(0xffffffffu, lane % 3 == 0));
        }) == expected([](int) { return 0x49249249; }));
}

TEST_CASE("a warp's two halves may work apart under masks of their own") {
  Array<int> out(32);
  run_grid({"halves", dim3(1), dim3(32)}, [&] {
    const int lane = static_cast<int>(threadIdx.x);
    if (lane < 16) {
      out[threadIdx.x] = __shfl_xor_sync(0x0000ffffu, lane, 1);
    } else {
      out[threadIdx.x] = __shfl_sync(0xffff0000u, lane, 31);
    }
  });
  for (int lane = 0; lane < 32; ++lane) {
    CHECK(out[static_cast<std::size_t>(lane)] == (lane < 16 ? lane ^ 1 : 31));
  }
}

TEST_CASE("__syncthreads_or tells every thread what any thread saw") {
  for (const bool present : {false, true}) {
    Array<int> out(96);
    run_grid({"any", dim3(1), dim3(96)},
             [&] { out[threadIdx.x] = __syncthreads_or(present && threadIdx.x == 50); });
    CHECK(out.values() == std::vector<int>(96, present ? 1 : 0));
  }
}

TEST_CASE("planted bug: a mask without the calling lane is reported") {
  const std::string report = report_of({"mask", dim3(1), dim3(32)}, [] {
    __shfl_xor_sync(0x0000ffffu, static_cast<int>(threadIdx.x), 1);
  });
  CHECK_THAT(report, Contains("__shfl_xor_sync") && Contains("0x0000ffff") &&
                         Contains("lacks its own lane 16"));
}

TEST_CASE("planted bug: a full mask in a block of part of a warp is reported") {
  const std::string report = report_of({"part", dim3(1), dim3(48)}, [] {
    __shfl_xor_sync(0xffffffffu, static_cast<int>(threadIdx.x), 1);
  });
  CHECK_THAT(report, Contains("lane 16") && Contains("does not exist"));
}

TEST_CASE("planted bug: a lane of the mask that has ended is reported") {
  const std::string report = report_of({"gone", dim3(1), dim3(32)}, [] {
    if (threadIdx.x == 3) return;
    __shfl_down_sync(0xffffffffu, 1.0f, 1);
  });
  CHECK_THAT(report, Contains("lane 3") && Contains("has ended"));
}

TEST_CASE("planted bug: reading a lane outside of the mask is reported") {
  const std::string report = report_of({"source", dim3(1), dim3(32)}, [] {
    if (threadIdx.x < 16) __shfl_sync(0x0000ffffu, static_cast<int>(threadIdx.x), 20);
  });
  CHECK_THAT(report, Contains("reads lane 20"));
}

TEST_CASE("planted bug: a wrong shuffle width gives a wrong sum") {
  for (const int width : {32, 16}) {
    Array<float> out(1);
    run_grid({"width", dim3(1), dim3(32)}, [&] {
      auto sum = static_cast<float>(threadIdx.x);
      for (unsigned distance = 16; distance > 0; distance /= 2) {
        sum += __shfl_down_sync(0xffffffffu, sum, distance, width);
      }
      if (threadIdx.x == 0) out[0] = sum;
    });
    CHECK((out[0] == 31 * 32 / 2) == (width == 32));
  }
  CHECK_THAT(report_of({"width", dim3(1), dim3(32)}, [] { __shfl_sync(0xffffffffu, 1, 0, 12); }),
             Contains("width 12"));
}

TEST_CASE("planted bug: two warp operations that meet are reported") {
  const std::string report = report_of({"meet", dim3(1), dim3(32)}, [] {
    if (threadIdx.x % 2 == 0) {
      __shfl_xor_sync(0xffffffffu, 1, 1);
    } else {
      __shfl_xor_sync(0xffffffffu, 1, 1);
    }
  });
  CHECK_THAT(report, Contains("calls __shfl_xor_sync"));
}

TEST_CASE("planted bug: a write one past a global array is caught") {
  const auto write = [](unsigned count) {
    const Array<float> y(100);
    run_grid({"past", dim3(1), dim3(128)}, [&, count] {
      if (threadIdx.x < count) y[threadIdx.x] = 0.0f;
    });
    y.memory.check("y");
  };
  CHECK_FALSE(dies([&] { write(100); }));
  CHECK(dies([&] { write(101); }));
}

TEST_CASE("planted bug: a write one past a shared array is caught") {
  const auto write = [](unsigned count) {
    run_grid({"past_shared", dim3(1), dim3(128)}, [&, count] {
      DCGAN_SHARED(float, tile, [100]);
      if (threadIdx.x < count) *(&tile[0] + threadIdx.x) = 0.0f;
    });
  };
  CHECK_FALSE(dies([&] { write(100); }));
  CHECK(dies([&] { write(101); }));
}

TEST_CASE("planted bug: a write one past dynamic shared memory is caught") {
  const auto write = [](unsigned count) {
    run_grid({"past_dynamic", dim3(1), dim3(128), 100 * sizeof(float)}, [&, count] {
      if (threadIdx.x < count) cuda::dynamic_shared<float>()[threadIdx.x] = 0.0f;
    });
  };
  CHECK_FALSE(dies([&] { write(100); }));
  CHECK(dies([&] { write(101); }));
}

TEST_CASE("planted bug: a read one past an array ends the process or gives a NaN") {
  const auto read = [](unsigned shift) {
    const Array<float> x = counting(128);
    const Array<float> y(128);
    run_grid({"read", dim3(1), dim3(128)},
             [&, shift] { y[threadIdx.x] = x.data()[threadIdx.x + shift]; });
    return y[127];
  };
  CHECK(read(0) == 128.0f);
  if constexpr (kAddressSanitizer) {
    CHECK(dies([&] { read(1); }));
  } else {
    CHECK(std::isnan(read(1)));
  }
}

TEST_CASE("planted bug: shared memory that nobody wrote reads as NaN, in every block") {
  Array<float> out(2);
  run_grid({"uninitialised", dim3(2), dim3(32)}, [&] {
    DCGAN_SHARED(float, tile, [33]);
    tile[threadIdx.x] = 1.0f;
    __syncthreads();
    if (threadIdx.x == 0) out[blockIdx.x] = tile[32];
    __syncthreads();
    tile[32] = 1.0f;  // must not be there for the next block
  });
  CHECK(std::isnan(out[0]));
  CHECK(std::isnan(out[1]));
}

TEST_CASE("planted bug: a misaligned 16-byte access is reported") {
  const Array<float> x = counting(64);
  CHECK(report_of({"aligned", dim3(1), dim3(1)}, [&] { cuda::load<4>(x.data() + 4); }).empty());
  CHECK_THAT(report_of({"misaligned", dim3(1), dim3(1)}, [&] { cuda::load<4>(x.data() + 1); }),
             Contains("kernel misaligned") && Contains("not a multiple of 16"));
}

TEST_CASE("launches that no GPU would accept are refused") {
  const auto nothing = [] {};
  CHECK_THAT(report_of({"none", dim3(0), dim3(32)}, nothing), Contains("0 x 1 x 1 blocks"));
  CHECK_THAT(report_of({"large", dim3(1), dim3(1025)}, nothing), Contains("1025"));
  CHECK_THAT(report_of({"high", dim3(1, 65536), dim3(1)}, nothing), Contains("65536"));
  CHECK_THAT(report_of({"much", dim3(1), dim3(1), (48 << 10) + 1}, nothing), Contains("49153"));
  CHECK(report_of({"fits", dim3(2, 3), dim3(1024), 48 << 10}, nothing).empty());
}

TEST_CASE("after a report the emulator runs the next kernel") {
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

TEST_CASE("wide loads and stores keep every value, in f32 and in bf16") {
  Array<float> x = counting(16);
  Array<bf16> low(16);
  Array<float> back(16);
  run_grid({"convert", dim3(1), dim3(2)}, [&] {
    const unsigned at = threadIdx.x * 8;
    const cuda::Values<4> first = cuda::load<4>(x.data() + at);
    const cuda::Values<4> second = cuda::load<4>(x.data() + at + 4);
    cuda::Values<8> all;
    for (int i = 0; i < 8; ++i) all.v[i] = i < 4 ? first.v[i] : second.v[i - 4];
    cuda::store<8>(low.data() + at, all);
    const cuda::Values<8> again = cuda::load<8>(low.data() + at);
    for (int i = 0; i < 8; ++i) cuda::store_one(back.data() + at + i, again.v[i]);
  });
  CHECK(back.values() == x.values());  // small integers: exact in bf16
}

}  // namespace dcgan::emulator
