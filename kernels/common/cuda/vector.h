// Loads and stores of several values at once. Values are stored as f32, bf16 or u8 and computed
// with as f32. 16 bytes an access where the layout allows it: kWide<T> values.
#pragma once

#include <cstdint>

#include "kernels/common/cuda/launch.h"
#include "runtime/base/bf16.h"
#include "runtime/base/tensor.h"

namespace dcgan::cuda {

/// Values of a 16-byte access.
template <class T>
inline constexpr int kWide = 16 / static_cast<int>(sizeof(T));

/// `count` values in registers. Index with constants only (unrolled loops), or it goes to memory.
template <int count>
struct Values {
  float v[count];
};

/// Two values as one word of bf16, the first in the low half.
__device__ __forceinline__ std::uint32_t pack_bf16(float low, float high) {
#if defined(__CUDA_ARCH__)
  std::uint32_t word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
#else
  return bf16(low).bits | static_cast<std::uint32_t>(bf16(high).bits) << 16;
#endif
}
__device__ __forceinline__ float low_bf16(std::uint32_t word) {
  return __uint_as_float(word << 16);
}
__device__ __forceinline__ float high_bf16(std::uint32_t word) {
  return __uint_as_float(word & 0xffff0000u);
}

__device__ __forceinline__ float load_one(const float* from) { return *from; }
__device__ __forceinline__ float load_one(const bf16* from) {
  return __uint_as_float(static_cast<std::uint32_t>(from->bits) << 16);
}
__device__ __forceinline__ void store_one(float* to, float value) { *to = value; }
__device__ __forceinline__ void store_one(bf16* to, float value) {
  to->bits = static_cast<std::uint16_t>(pack_bf16(value, 0.0f));
}

namespace detail {

/// The integer type of one access.
template <int bytes>
struct Word;
template <>
struct Word<4> {
  using Type = unsigned;
};
template <>
struct Word<8> {
  using Type = uint2;
};
template <>
struct Word<16> {
  using Type = uint4;
};

/// The i-th 32-bit word of an access; i is a constant.
__device__ __forceinline__ unsigned& word_of(unsigned& access, int) { return access; }
__device__ __forceinline__ unsigned& word_of(uint2& access, int i) {
  return i == 0 ? access.x : access.y;
}
__device__ __forceinline__ unsigned& word_of(uint4& access, int i) {
  return i == 0 ? access.x : i == 1 ? access.y : i == 2 ? access.z : access.w;
}

}  // namespace detail

/// Loads `count` neighbours in one access of count * sizeof(T) bytes, to whose multiple `from` must
/// be aligned (count 1: one value).
template <int count, class T>
__device__ __forceinline__ Values<count> load(const T* from) {
  Values<count> values;
  if constexpr (count == 1) {
    values.v[0] = load_one(from);
  } else {
    using Access = typename detail::Word<count * sizeof(T)>::Type;
    check_access(from, sizeof(Access));
    Access access = *reinterpret_cast<const Access*>(from);
    constexpr int per_word = 4 / sizeof(T);
#pragma unroll
    for (int i = 0; i < count / per_word; ++i) {
      const unsigned word = detail::word_of(access, i);
      if constexpr (per_word == 1) {
        values.v[i] = __uint_as_float(word);
      } else {
        values.v[2 * i] = low_bf16(word);
        values.v[2 * i + 1] = high_bf16(word);
      }
    }
  }
  return values;
}

/// Stores `count` neighbours; as load().
template <int count, class T>
__device__ __forceinline__ void store(T* to, const Values<count>& values) {
  if constexpr (count == 1) {
    store_one(to, values.v[0]);
  } else {
    using Access = typename detail::Word<count * sizeof(T)>::Type;
    check_access(to, sizeof(Access));
    Access access;
    constexpr int per_word = 4 / sizeof(T);
#pragma unroll
    for (int i = 0; i < count / per_word; ++i) {
      if constexpr (per_word == 1) {
        detail::word_of(access, i) = __float_as_uint(values.v[i]);
      } else {
        detail::word_of(access, i) = pack_bf16(values.v[2 * i], values.v[2 * i + 1]);
      }
    }
    *reinterpret_cast<Access*>(to) = access;
  }
}

/// Are all pointers multiples of 16 bytes? A null pointer is.
template <class... Pointers>
bool aligned16(const Pointers*... pointers) {
  return ((reinterpret_cast<std::uintptr_t>(pointers) % 16 == 0) && ...);
}

/// Host side: calls body.template operator()<T>() for f32 or bf16.
template <class Body>
void with_storage(DType dtype, const Body& body) {
  switch (dtype) {
    case DType::f32:
      return body.template operator()<float>();
    case DType::bf16:
      return body.template operator()<bf16>();
    default:
      fail(ErrorKind::internal, "cuda: no kernel for {}", name_of(dtype));
  }
}

/// Host side: calls body.template operator()<T, width>() for f32 or bf16 and width kWide<T> or 1.
template <class Body>
void with_storage_and_width(DType dtype, bool wide, const Body& body) {
  with_storage(dtype, [&]<class T>() {
    if (wide) return body.template operator()<T, kWide<T>>();
    body.template operator()<T, 1>();
  });
}

}  // namespace dcgan::cuda
