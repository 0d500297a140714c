// The CUDA device language for a host compiler: kernels/common/cuda/launch.h includes it when nvcc
// does not compile. Has what the project's kernels use; a kernel that needs another intrinsic adds
// it here.
#pragma once

#include <vector_types.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "runtime/device/context.h"
#include "tests/emulator/grid/grid.h"
#include "tests/emulator/grid/thread_index.h"
#include "tests/emulator/include/cuda_emulator_tensor.h"

#undef __global__
#undef __device__
#undef __host__
#undef __forceinline__
#undef __launch_bounds__
#undef __restrict__
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __restrict__ __restrict

// Array in shared memory: DCGAN_SHARED(float, tile, [32][33]).
#define DCGAN_SHARED(type, name, extents)   \
  static const char name##_declaration = 0; \
  using name##_type = type extents;         \
  auto& name = *static_cast<name##_type*>(  \
      ::dcgan::emulator::shared_array(&name##_declaration, sizeof(name##_type), #name))

// A default argument is evaluated at the call, which makes it the call's file and line.
#define DCGAN_EMULATOR_SITE \
  ::dcgan::emulator::Site site = {__builtin_FILE(), static_cast<unsigned>(__builtin_LINE())}

inline void __syncthreads(DCGAN_EMULATOR_SITE) { ::dcgan::emulator::barrier(false, site); }
inline int __syncthreads_or(int predicate, DCGAN_EMULATOR_SITE) {
  return ::dcgan::emulator::barrier(predicate != 0, site) > 0 ? 1 : 0;
}

namespace dcgan::emulator {

template <class T>
T shuffle(WarpOperation operation, unsigned mask, T value, int argument, int width, Site site) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = warp_call({operation, mask, bits, argument, width, site});
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace dcgan::emulator

template <class T>
T __shfl_sync(unsigned mask, T value, int lane, int width = 32, DCGAN_EMULATOR_SITE) {
  using enum ::dcgan::emulator::WarpOperation;
  return ::dcgan::emulator::shuffle(shuffle, mask, value, lane, width, site);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned distance, int width = 32, DCGAN_EMULATOR_SITE) {
  using enum ::dcgan::emulator::WarpOperation;
  return ::dcgan::emulator::shuffle(shuffle_up, mask, value, static_cast<int>(distance), width,
                                    site);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned distance, int width = 32, DCGAN_EMULATOR_SITE) {
  using enum ::dcgan::emulator::WarpOperation;
  return ::dcgan::emulator::shuffle(shuffle_down, mask, value, static_cast<int>(distance), width,
                                    site);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, DCGAN_EMULATOR_SITE) {
  using enum ::dcgan::emulator::WarpOperation;
  return ::dcgan::emulator::shuffle(shuffle_xor, mask, value, lanes, width, site);
}
inline unsigned __ballot_sync(unsigned mask, int predicate, DCGAN_EMULATOR_SITE) {
  using enum ::dcgan::emulator::WarpOperation;
  return static_cast<unsigned>(
      ::dcgan::emulator::warp_call({ballot, mask, predicate != 0 ? 1u : 0u, 0, 32, site}));
}
inline void __syncwarp(unsigned mask = 0xffffffffu, DCGAN_EMULATOR_SITE) {
  using enum ::dcgan::emulator::WarpOperation;
  ::dcgan::emulator::warp_call({synchronize, mask, 0, 0, 32, site});
}

inline void __threadfence() { ::dcgan::emulator::fence(); }

// Relaxed, as in CUDA: an atomic operation orders no other access.
template <class T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
  return std::atomic_ref<T>(*address).fetch_add(value, std::memory_order_relaxed);
}
template <class T>
T atomicExch(T* address, std::type_identity_t<T> value) {
  return std::atomic_ref<T>(*address).exchange(value, std::memory_order_relaxed);
}
template <class T>
T atomicOr(T* address, std::type_identity_t<T> value) {
  return std::atomic_ref<T>(*address).fetch_or(value, std::memory_order_relaxed);
}

inline float __uint_as_float(unsigned bits) {
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
inline unsigned __float_as_uint(float value) {
  unsigned bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

namespace dcgan::cuda {

inline long long device_nanoseconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

inline void start_after_previous() { emulator::start_after_previous(); }

template <class T>
T* dynamic_shared() {
  return static_cast<T*>(emulator::dynamic_shared_memory());
}

inline void check_access(const void* address, std::size_t bytes, DCGAN_EMULATOR_SITE) {
  emulator::check_aligned(address, bytes, site);
}

struct LaunchShape {
  const char* kernel;
  dim3 blocks;
  dim3 threads;
  std::size_t shared_bytes = 0;
};

template <class... Parameters, class... Arguments>
void launch(const Context& context, void (*kernel)(Parameters...), const LaunchShape& shape,
            Arguments... arguments) {
  emulator::enqueue(context.stream(), shape.kernel, [=] {
    emulator::run_kernel({shape.kernel, shape.blocks, shape.threads, shape.shared_bytes},
                         [&] { kernel(static_cast<Parameters>(arguments)...); });
  });
}

}  // namespace dcgan::cuda
