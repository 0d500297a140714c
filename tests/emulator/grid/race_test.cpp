// Tests of the emulator: which accesses of a grid race and which do not (preset `emulated-tsan`).
#include "tests/emulator/grid/race_check.h"

#if defined(DCGAN_RACE_CHECK)

#include <cuda_emulator.h>

#include "tests/emulator/grid/grid.h"
#include "tests/emulator/grid/support.h"
#include "tests/support/catch.h"

// Asked by ThreadSanitizer at start: a race ends the process, as an overrun does under
// AddressSanitizer.
extern "C" __attribute__((visibility("default"))) const char* __tsan_default_options() {
  return "halt_on_error=1";
}

namespace dcgan::emulator {

TEST_CASE("planted bug: a missing barrier is a race") {
  const Array<float> x = counting(256);
  const auto sum = [&](bool with_barrier) {
    const Array<float> sums(2);
    run_grid({"sum", dim3(2), dim3(128)}, [&] { sum_kernel(x.data(), sums.data(), with_barrier); });
    return sums[0];
  };
  CHECK(sum(true) == 128 * 129 / 2);
  CHECK(dies([&] { sum(false); }));
}

TEST_CASE("planted bug: a barrier missing between two tiles is a race") {
  const auto sums_of_tiles = [](bool with_second_barrier) {
    const Array<float> out(64);
    run_grid({"sums_of_tiles", dim3(1), dim3(64)}, [&] {
      DCGAN_SHARED(float, tile, [64]);
      float sum = 0;
      for (int step = 0; step < 4; ++step) {
        tile[threadIdx.x] = static_cast<float>(step);
        __syncthreads();
        sum += tile[63 - threadIdx.x];
        if (with_second_barrier) __syncthreads();
      }
      out[threadIdx.x] = sum;
    });
    return out.values();
  };
  CHECK(sums_of_tiles(true) == std::vector<float>(64, 6.0f));
  CHECK(dies([&] { sums_of_tiles(false); }));
}

TEST_CASE("planted bug: lanes that share memory need __syncwarp; a shuffle orders nothing") {
  const auto swap = [](bool synchronised) {
    const Array<float> out(32);
    run_grid({"swap", dim3(1), dim3(32)}, [&] {
      DCGAN_SHARED(float, lanes, [32]);
      lanes[threadIdx.x] = static_cast<float>(threadIdx.x);
      if (synchronised) {
        __syncwarp();
      } else {
        __shfl_sync(0xffffffffu, 1, 0);
      }
      out[threadIdx.x] = lanes[threadIdx.x ^ 1u];
    });
    return out[0];
  };
  CHECK(swap(true) == 1.0f);
  CHECK(dies([&] { swap(false); }));
}

TEST_CASE("planted bug: blocks that add to one number without an atomic operation race") {
  const auto add = [](bool atomic) {
    const Array<int> total(1);
    total[0] = 0;
    run_grid({"add", dim3(8), dim3(1)}, [&] {
      if (atomic) {
        atomicAdd(total.data(), 1);
      } else {
        total[0] += 1;
      }
    });
    return total[0];
  };
  CHECK(add(true) == 8);
  CHECK(dies([&] { add(false); }));
}

TEST_CASE("planted bug: a last block that reads other blocks' results without fences is a race") {
  const auto sum = [](bool fenced) {
    const Array<float> parts(8);
    const Array<int> arrived(1);
    const Array<float> total(1);
    arrived[0] = 0;
    run_grid({"last_block", dim3(8), dim3(1)}, [&] {
      parts[blockIdx.x] = static_cast<float>(blockIdx.x);
      if (fenced) __threadfence();
      if (atomicAdd(arrived.data(), 1) != 7) return;
      if (fenced) __threadfence();
      total[0] = 0;
      for (std::size_t i = 0; i < 8; ++i) total[0] += parts[i];
    });
    return total[0];
  };
  CHECK(sum(true) == 28.0f);
  CHECK(dies([&] { sum(false); }));
}

TEST_CASE("a launch is ordered after the one before it, and the host after both") {
  const Array<float> x(512);
  const Array<float> y(512);
  run_grid({"write", dim3(4), dim3(128)}, [&] { x[blockIdx.x * 128 + threadIdx.x] = 1.0f; });
  run_grid({"read", dim3(4), dim3(128)},
           [&] { y[blockIdx.x * 128 + threadIdx.x] = x[511 - blockIdx.x * 128 - threadIdx.x]; });
  CHECK(y.values() == std::vector<float>(512, 1.0f));
}

}  // namespace dcgan::emulator

#endif
