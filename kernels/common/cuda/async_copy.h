// Copies from global to shared memory that run beside the thread's own work (sm_80 and later).
//
// A copy is complete for the thread that issued it after wait_copies(); for other threads after a
// barrier that follows that wait. Until then its destination may neither be read nor written. Every
// copy must be waited for before the thread ends.
#pragma once

#include "kernels/common/cuda/launch.h"

namespace dcgan::cuda {

#if defined(__CUDACC__)

/// Starts a copy of 16 bytes; both addresses are multiples of 16. Not in bounds: `global` is not
/// read, and the destination becomes zero.
__device__ __forceinline__ void copy_async_16(void* shared, const void* global, bool in_bounds) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
               :
               : "r"(static_cast<unsigned>(__cvta_generic_to_shared(shared))),
                 "l"(__cvta_generic_to_global(global)), "r"(in_bounds ? 16 : 0)
               : "memory");
}

/// The same for data that another copy of this multiprocessor will soon read again: it stays in the
/// first-level cache.
__device__ __forceinline__ void copy_async_16_kept(void* shared, const void* global,
                                                   bool in_bounds) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 16, %2;"
               :
               : "r"(static_cast<unsigned>(__cvta_generic_to_shared(shared))),
                 "l"(__cvta_generic_to_global(global)), "r"(in_bounds ? 16 : 0)
               : "memory");
}

/// The same for 4 bytes at multiples of 4.
__device__ __forceinline__ void copy_async_4(void* shared, const void* global, bool in_bounds) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;"
               :
               : "r"(static_cast<unsigned>(__cvta_generic_to_shared(shared))),
                 "l"(__cvta_generic_to_global(global)), "r"(in_bounds ? 4 : 0)
               : "memory");
}

/// Makes one group of this thread's copies since its last call; it may be empty.
__device__ __forceinline__ void commit_copies() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}

/// Waits until at most `pending` of this thread's groups, the last ones, are incomplete. Copies
/// that are in no group yet are not waited for.
template <int pending>
__device__ __forceinline__ void wait_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

#else

inline void copy_async_16(void* shared, const void* global, bool in_bounds, DCGAN_EMULATOR_SITE) {
  emulator::copy_async(shared, global, 16, in_bounds, site);
}
inline void copy_async_16_kept(void* shared, const void* global, bool in_bounds,
                               DCGAN_EMULATOR_SITE) {
  emulator::copy_async(shared, global, 16, in_bounds, site);
}
inline void copy_async_4(void* shared, const void* global, bool in_bounds, DCGAN_EMULATOR_SITE) {
  emulator::copy_async(shared, global, 4, in_bounds, site);
}
inline void commit_copies() { emulator::commit_copies(); }
template <int pending>
inline void wait_copies() {
  static_assert(pending >= 0);
  emulator::wait_copies(pending);
}

#endif

}  // namespace dcgan::cuda
