// Tests of the emulator: warp operations, and reports of wrong uses.
#include <cuda_emulator.h>

#include <string>
#include <vector>

#include "tests/emulator/grid/grid.h"
#include "tests/emulator/grid/support.h"
#include "tests/support/catch.h"

namespace dcgan::emulator {

TEST_CASE("planted bug: a barrier that only some lanes of a warp reach is reported") {
  const std::string report = report_of({"mixed", dim3(1), dim3(32)}, [] {
    if (threadIdx.x == 0) {
      __syncthreads();
    } else {
      __syncwarp();
    }
  });
  CHECK_THAT(report, Contains("waits for lane 0") && Contains("waits at a barrier"));
}

TEST_CASE("warp operations give the values that CUDA defines") {
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

TEST_CASE("two halves of a warp may call warp operations separately, each with its own mask") {
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

TEST_CASE("planted bug: a mask without the calling lane is reported") {
  const std::string report = report_of({"mask", dim3(1), dim3(32)}, [] {
    __shfl_xor_sync(0x0000ffffu, static_cast<int>(threadIdx.x), 1);
  });
  CHECK_THAT(report, Contains("__shfl_xor_sync") && Contains("0x0000ffff") &&
                         Contains("lacks its own lane 16"));
}

TEST_CASE("planted bug: a full mask in a block smaller than a warp is reported") {
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

TEST_CASE("planted bug: lanes of one mask in two different warp operations are reported") {
  const std::string report = report_of({"meet", dim3(1), dim3(32)}, [] {
    if (threadIdx.x % 2 == 0) {
      __shfl_xor_sync(0xffffffffu, 1, 1);
    } else {
      __shfl_xor_sync(0xffffffffu, 1, 1);
    }
  });
  CHECK_THAT(report, Contains("calls __shfl_xor_sync"));
}

}  // namespace dcgan::emulator
