// Products of a warpgroup, four warps that begin at a multiple of four, on the tensor cores of
// sm_90: operands are read from shared memory while the threads go on. Every function with
// "warpgroup" in its comment is called by all 128 threads together.
//
// They exist in code compiled for sm_90a alone; elsewhere this header is empty. The emulator has
// none of them: there the same tiles are multiplied by warps (tensor_core.h), which read the same
// layouts.
//
// Source: PTX manual, "Asynchronous warpgroup level matrix multiply-accumulate instructions".
#pragma once

#include <cstdint>

#include "kernels/common/cuda/tensor_core.h"

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)

namespace dcgan::cuda {

/// Where a bf16 matrix lies in shared memory: lines of 128 bytes, eight of which make a unit of
/// 1024 bytes that begins at a multiple of 1024; the 16-byte chunk c of line r lies at c ^ (r % 8).
/// Depth inner: a line is a row (of A) or a column (of B), with 64 values of depth. Depth outer: a
/// line is one depth with 64 rows or columns; `panel_bytes` further on are the next 64.
__device__ __forceinline__ std::uint64_t matrix_descriptor(const void* first, int panel_bytes) {
  constexpr std::uint64_t unit = 1024, swizzle_128 = 1;
  const std::uint64_t address = __cvta_generic_to_shared(first);
  return (address & 0x3ffff) >> 4 | static_cast<std::uint64_t>(panel_bytes >> 4) << 16 |
         (unit >> 4) << 32 | swizzle_128 << 62;
}
/// The same matrix `bytes` further on.
__device__ __forceinline__ std::uint64_t moved(std::uint64_t descriptor, int bytes) {
  return descriptor + static_cast<std::uint64_t>(bytes >> 4);
}

/// What this thread has written to shared memory, asynchronous copies that it has waited for
/// included, can be read by products behind a barrier that follows.
__device__ __forceinline__ void publish_to_products() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}
/// Before the first of some products, by the warpgroup: its registers are ready.
__device__ __forceinline__ void begin_products() {
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
/// Makes one group of the warpgroup's products since the last call.
__device__ __forceinline__ void commit_products() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
/// Waits until at most `pending` of the warpgroup's groups are incomplete.
template <int pending>
__device__ __forceinline__ void wait_products() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(pending) : "memory");
}

#define DCGAN_ONE_SUM(i) \
  "+f"(sums[i].v[0]), "+f"(sums[i].v[1]), "+f"(sums[i].v[2]), "+f"(sums[i].v[3])
#define DCGAN_FOUR_SUMS(i) \
  DCGAN_ONE_SUM(i), DCGAN_ONE_SUM((i) + 1), DCGAN_ONE_SUM((i) + 2), DCGAN_ONE_SUM((i) + 3)

/// sums += A B of 64 x 16 and 16 x 8 `count`, by the warpgroup; warp w has rows 16 w..16 w + 15.
/// `outer`: 1 where the depth is the outer extent of a matrix. Complete after wait_products().
template <int a_outer, int b_outer>
__device__ __forceinline__ void multiply_warpgroup(Accumulator (&sums)[8], std::uint64_t a,
                                                   std::uint64_t b) {
  asm volatile(
      "{\n.reg .pred add;\nsetp.ne.b32 add, 1, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, "
      "%30, %31"
      "}, %32, %33, add, 1, 1, %34, %35;\n}\n"
      : DCGAN_FOUR_SUMS(0), DCGAN_FOUR_SUMS(4)
      : "l"(a), "l"(b), "n"(a_outer), "n"(b_outer));
}
template <int a_outer, int b_outer>
__device__ __forceinline__ void multiply_warpgroup(Accumulator (&sums)[16], std::uint64_t a,
                                                   std::uint64_t b) {
  asm volatile(
      "{\n.reg .pred add;\nsetp.ne.b32 add, 1, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, "
      "%30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, "
      "%44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, "
      "%58, %59, %60, %61, %62, %63"
      "}, %64, %65, add, 1, 1, %66, %67;\n}\n"
      : DCGAN_FOUR_SUMS(0), DCGAN_FOUR_SUMS(4), DCGAN_FOUR_SUMS(8), DCGAN_FOUR_SUMS(12)
      : "l"(a), "l"(b), "n"(a_outer), "n"(b_outer));
}

#undef DCGAN_FOUR_SUMS
#undef DCGAN_ONE_SUM

}  // namespace dcgan::cuda

#endif
