// Tests of the emulator: memory accesses, and reports of those out of bounds.
#include "tests/emulator/grid/memory.h"

#include <cuda_emulator.h>

#include <cmath>
#include <string>
#include <vector>

#include "kernels/common/cuda/vector.h"
#include "tests/emulator/grid/grid.h"
#include "tests/emulator/grid/support.h"
#include "tests/support/catch.h"

namespace dcgan::emulator {

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

TEST_CASE("planted bug: shared memory that was not written reads as NaN, in every block") {
  Array<float> out(2);
  run_grid({"uninitialised", dim3(2), dim3(32)}, [&] {
    DCGAN_SHARED(float, tile, [33]);
    tile[threadIdx.x] = 1.0f;
    __syncthreads();
    if (threadIdx.x == 0) out[blockIdx.x] = tile[32];
    __syncthreads();
    if (threadIdx.x == 1) tile[32] = 1.0f;  // the next block must not see it
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
