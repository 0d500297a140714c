// Tests of the emulator: when asynchronous copies complete, and reports of wrong uses.
#include "kernels/common/cuda/async_copy.h"

#include <cmath>
#include <string>
#include <vector>

#include "tests/emulator/grid/support.h"
#include "tests/support/catch.h"

namespace dcgan::emulator {

TEST_CASE("a copy completes at the wait that covers its group, not before") {
  const Array<float> x = counting(12);
  const Array<float> seen(6);
  run_grid({"late", dim3(1), dim3(1)}, [&] {
    DCGAN_SHARED(float, to, [12]);
    for (int i = 0; i < 12; ++i) to[i] = 0.0f;
    for (int i = 0; i < 3; ++i) {
      cuda::copy_async_16(&to[4 * i], x.data() + 4 * i, true);
      cuda::commit_copies();
    }
    seen[0] = to[0];
    cuda::wait_copies<2>();
    seen[1] = to[0];
    seen[2] = to[4];
    cuda::wait_copies<1>();
    seen[3] = to[4];
    seen[4] = to[8];
    cuda::wait_copies<0>();
    seen[5] = to[11];
  });
  CHECK(std::isnan(seen[0]));
  CHECK(seen[1] == 1.0f);
  CHECK(std::isnan(seen[2]));
  CHECK(seen[3] == 5.0f);
  CHECK(std::isnan(seen[4]));
  CHECK(seen[5] == 12.0f);
}

TEST_CASE("a copy out of bounds reads nothing and writes zeros; an empty group counts") {
  const Array<float> seen(2);
  run_grid({"zero", dim3(1), dim3(1)}, [&] {
    DCGAN_SHARED(float, to, [4]);
    to[3] = 1.0f;
    cuda::copy_async_16(to, nullptr, false);
    cuda::commit_copies();
    cuda::commit_copies();
    cuda::wait_copies<2>();
    seen[0] = to[3];
    cuda::wait_copies<1>();
    seen[1] = to[3];
  });
  CHECK(std::isnan(seen[0]));
  CHECK(seen[1] == 0.0f);
}

TEST_CASE("a copy of 4 bytes writes one word, from any multiple of 4") {
  const Array<float> x = counting(4);
  const Array<float> seen(4);
  run_grid({"word", dim3(1), dim3(1)}, [&] {
    DCGAN_SHARED(float, to, [4]);
    for (int i = 0; i < 4; ++i) to[i] = 0.5f;
    cuda::copy_async_4(&to[1], x.data() + 3, true);
    cuda::copy_async_4(&to[2], nullptr, false);
    cuda::commit_copies();
    cuda::wait_copies<0>();
    for (int i = 0; i < 4; ++i) seen[i] = to[i];
  });
  CHECK(seen[0] == 0.5f);
  CHECK(seen[1] == 4.0f);
  CHECK(seen[2] == 0.0f);
  CHECK(seen[3] == 0.5f);
}

TEST_CASE("a copy reads its source when it completes") {
  Array<float> x = counting(4);
  const Array<float> seen(1);
  run_grid({"source", dim3(1), dim3(1)}, [&] {
    DCGAN_SHARED(float, to, [4]);
    cuda::copy_async_16(to, x.data(), true);
    cuda::commit_copies();
    x[0] = 100.0f;
    cuda::wait_copies<0>();
    seen[0] = to[0];
  });
  CHECK(seen[0] == 100.0f);
}

TEST_CASE("planted bug: a copy outside of every group is not waited for, and is reported") {
  const Array<float> x = counting(4);
  const std::string report = report_of({"open", dim3(1), dim3(32)}, [&] {
    DCGAN_SHARED(float, to, [32][4]);
    if (threadIdx.x == 7) cuda::copy_async_16(to[7], x.data(), true);
    cuda::wait_copies<0>();
  });
  CHECK_THAT(report, Contains("thread (7, 0, 0) ends") && Contains("async_copy_test.cpp") &&
                         Contains("in no committed group"));
}

TEST_CASE("planted bug: misaligned or misplaced addresses of a copy are reported") {
  const Array<float> x = counting(8);
  const Array<float> y = counting(8);
  const auto report = [](const float* from, float* global_to, int offset) {
    return report_of({"addresses", dim3(1), dim3(1)}, [&] {
      DCGAN_SHARED(float, to, [8]);
      cuda::copy_async_16(global_to != nullptr ? global_to : &to[offset], from, true);
      cuda::commit_copies();
      cuda::wait_copies<0>();
    });
  };
  CHECK(report(x.data(), nullptr, 4).empty());
  CHECK_THAT(report(x.data() + 1, nullptr, 0), Contains("not a multiple of 16"));
  CHECK_THAT(report(x.data(), nullptr, 2), Contains("not a multiple of 16"));
  CHECK_THAT(report(x.data(), y.data(), 0), Contains("shared memory"));
}

TEST_CASE("planted bug: a copy from past the end of its source") {
  const Array<float> x = counting(4);
  const auto copy = [&](int offset) {
    float last = 0;
    run_grid({"past", dim3(1), dim3(1)}, [&] {
      DCGAN_SHARED(float, to, [4]);
      cuda::copy_async_16(to, x.data() + offset, true);
      cuda::commit_copies();
      cuda::wait_copies<0>();
      last = to[3];
    });
    return last;
  };
  CHECK(copy(0) == 4.0f);
  if constexpr (kAddressSanitizer) {
    CHECK(dies([&] { copy(4); }));
  } else {
    CHECK(std::isnan(copy(4)));
  }
}

}  // namespace dcgan::emulator
