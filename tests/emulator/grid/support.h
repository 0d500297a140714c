// Shared by the tests of the emulator.
#pragma once

#include <cuda_emulator.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "runtime/base/errors.h"
#include "tests/emulator/grid/grid.h"
#include "tests/emulator/grid/memory.h"
#include "tests/support/catch.h"

namespace dcgan::emulator {

inline constexpr ThreadOrder kOrders[] = {ThreadOrder::forward, ThreadOrder::reverse,
                                          ThreadOrder::random};

/// Whether this program is built with AddressSanitizer.
inline constexpr bool kAddressSanitizer =
#if defined(__SANITIZE_ADDRESS__)
    true;
#else
    false;
#endif

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

/// 1, 2, 3 ...
inline Array<float> counting(std::size_t count) {
  Array<float> array(count);
  std::iota(array.data(), array.data() + count, 1.0f);
  return array;
}

/// The emulator's report of a wrong kernel; empty when there was none.
inline std::string report_of(const Grid& grid, const std::function<void()>& kernel) {
  try {
    run_grid(grid, kernel);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::internal);
    return error.what();
  }
  return {};
}

/// Whether the body ends the process or throws. Runs it in a child process, which a sanitizer may
/// end.
inline bool dies(const std::function<void()>& body) {
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

/// Sums each block's 128 values of x through shared memory, as kernels do.
inline void sum_kernel(const float* x, float* sums, bool with_barrier) {
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

}  // namespace dcgan::emulator
