// What kernels/common/cuda/tensor_core.h and async_copy.h call in emulated builds. Everything that
// reads or writes a kernel's memory is here, compiled with the kernel, so that sanitizers see it as
// the kernel's access.
#pragma once

#include <cstdint>

#include "tests/emulator/grid/grid.h"

namespace dcgan::emulator {

inline void multiply_bf16(float* sum, const std::uint32_t* a, const std::uint32_t* b, Site site) {
  MultiplyOperands operands{sum, a, b};
  warp_call({WarpOperation::mma_bf16, kAllLanes, 0, 0, 32, site, &operands});
}

inline void multiply_tf32(float* sum, const std::uint32_t* a, const std::uint32_t* b, Site site) {
  MultiplyOperands operands{sum, a, b};
  warp_call({WarpOperation::mma_tf32, kAllLanes, 0, 0, 32, site, &operands});
}

/// A lane reads the row whose address it gives; ldmatrix itself orders no memory.
inline void load_matrix(std::uint32_t* word, int matrices, const void* row, WarpOperation operation,
                        Site site) {
  MatrixOperands operands{word, matrices, {}};
  if (lane_gives_row(matrices)) {
    check_shared(row, 16, site);
    for (int i = 0; i < 4; ++i) operands.row[i] = static_cast<const std::uint32_t*>(row)[i];
  }
  warp_call({operation, kAllLanes, 0, 0, 32, site, &operands});
}

/// The destination is unusable from here on, and the source is first read here: sanitizers then
/// name the line of the copy.
inline void copy_async(void* shared, const void* global, int bytes, bool in_bounds, Site site) {
  check_shared(shared, bytes, site);
  check_aligned(global, bytes, site);
  auto* to = static_cast<std::uint32_t*>(shared);
  for (int i = 0; i < bytes / 4; ++i) {
    if (in_bounds) static_cast<void>(static_cast<const volatile std::uint32_t*>(global)[i]);
    to[i] = 0xffffffffu;
  }
  begin_copy({shared, in_bounds ? global : nullptr, bytes, site});
}

/// As late as the rules allow: the copies take place now.
inline void wait_copies(int pending) {
  AsyncCopy copy;
  while (finish_copy(pending, &copy)) {
    auto* to = static_cast<std::uint32_t*>(copy.shared);
    const auto* from = static_cast<const std::uint32_t*>(copy.global);
    for (int i = 0; i < copy.bytes / 4; ++i) to[i] = from != nullptr ? from[i] : 0u;
  }
}

}  // namespace dcgan::emulator
