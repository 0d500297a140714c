// Products of small matrices by one warp on tensor cores (sm_80 and later), and the loads of their
// operands from shared memory. Every function with "warp" in its comment is a warp collective: all
// 32 lanes call it together, as a shuffle with a full mask.
//
// In the layouts g = lane / 4 and t = lane % 4. Source: PTX manual, "Matrix fragments for
// mma.m16n8k16 with floating point type", "... mma.m16n8k8", "ldmatrix".
#pragma once

#include <cstdint>

#include "kernels/common/cuda/launch.h"

namespace dcgan::cuda {

/// Row-major A. bf16, 16 x 16, two values a word, the lower column in the low half:
///   word 0: row g, columns 2t, 2t + 1       word 1: row g + 8, the same columns
///   word 2: row g, columns 2t + 8, 2t + 9   word 3: row g + 8, the same columns
/// tf32, 16 x 8: (row, column) = (g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4).
struct FragmentA {
  std::uint32_t word[4];
};

/// B of k x n. bf16, 16 x 8: word 0 holds k = 2t, 2t + 1 of n = g; word 1 the same at k + 8.
/// tf32, 8 x 8: k = t and k = t + 4 of n = g.
struct FragmentB {
  std::uint32_t word[2];
};

/// 16 x 8 sums: row g, columns 2t, 2t + 1; then row g + 8, the same columns.
struct Accumulator {
  float v[4];
};

#if defined(__CUDACC__)

/// sum += A B, by the warp. The order of the 16 additions is not defined.
__device__ __forceinline__ void mma_bf16(Accumulator& sum, const FragmentA& a, const FragmentB& b) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sum.v[0]), "+f"(sum.v[1]), "+f"(sum.v[2]), "+f"(sum.v[3])
      : "r"(a.word[0]), "r"(a.word[1]), "r"(a.word[2]), "r"(a.word[3]), "r"(b.word[0]),
        "r"(b.word[1]));
}

/// sum += A B, by the warp; every operand comes from to_tf32().
__device__ __forceinline__ void mma_tf32(Accumulator& sum, const FragmentA& a, const FragmentB& b) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sum.v[0]), "+f"(sum.v[1]), "+f"(sum.v[2]), "+f"(sum.v[3])
      : "r"(a.word[0]), "r"(a.word[1]), "r"(a.word[2]), "r"(a.word[3]), "r"(b.word[0]),
        "r"(b.word[1]));
}

/// Rounded to 10 bits of mantissa, to nearest, ties away from zero; the low 13 bits are 0.
__device__ __forceinline__ std::uint32_t to_tf32(float value) {
  std::uint32_t word;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(word) : "f"(value));
  return word;
}

namespace detail {
__device__ __forceinline__ unsigned shared_address(const void* address) {
  return static_cast<unsigned>(__cvta_generic_to_shared(address));
}
}  // namespace detail

/// Loads four 8 x 8 matrices of 16-bit values, by the warp: lane 8i + r gives the address of row r
/// of matrix i, 16 aligned bytes in shared memory. word[i] becomes row g, columns 2t, 2t + 1 of
/// matrix i.
__device__ __forceinline__ void load_matrix_x4(std::uint32_t (&word)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(word[0]), "=r"(word[1]), "=r"(word[2]), "=r"(word[3])
               : "r"(detail::shared_address(row))
               : "memory");
}

/// The same of each matrix's transpose: word[i] becomes rows 2t, 2t + 1 of column g.
__device__ __forceinline__ void load_matrix_x4_transposed(std::uint32_t (&word)[4],
                                                          const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(word[0]), "=r"(word[1]), "=r"(word[2]), "=r"(word[3])
               : "r"(detail::shared_address(row))
               : "memory");
}

/// Two matrices; lanes 0-15 give the rows, the address of the others does not matter.
__device__ __forceinline__ void load_matrix_x2(std::uint32_t (&word)[2], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
               : "=r"(word[0]), "=r"(word[1])
               : "r"(detail::shared_address(row))
               : "memory");
}

__device__ __forceinline__ void load_matrix_x2_transposed(std::uint32_t (&word)[2],
                                                          const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
               : "=r"(word[0]), "=r"(word[1])
               : "r"(detail::shared_address(row))
               : "memory");
}

#else

inline void mma_bf16(Accumulator& sum, const FragmentA& a, const FragmentB& b,
                     DCGAN_EMULATOR_SITE) {
  emulator::multiply_bf16(sum.v, a.word, b.word, site);
}
inline void mma_tf32(Accumulator& sum, const FragmentA& a, const FragmentB& b,
                     DCGAN_EMULATOR_SITE) {
  emulator::multiply_tf32(sum.v, a.word, b.word, site);
}
inline std::uint32_t to_tf32(float value) { return emulator::round_to_tf32(value); }

inline void load_matrix_x4(std::uint32_t (&word)[4], const void* row, DCGAN_EMULATOR_SITE) {
  emulator::load_matrix(word, 4, row, emulator::WarpOperation::load_matrix, site);
}
inline void load_matrix_x4_transposed(std::uint32_t (&word)[4], const void* row,
                                      DCGAN_EMULATOR_SITE) {
  emulator::load_matrix(word, 4, row, emulator::WarpOperation::load_matrix_transposed, site);
}
inline void load_matrix_x2(std::uint32_t (&word)[2], const void* row, DCGAN_EMULATOR_SITE) {
  emulator::load_matrix(word, 2, row, emulator::WarpOperation::load_matrix, site);
}
inline void load_matrix_x2_transposed(std::uint32_t (&word)[2], const void* row,
                                      DCGAN_EMULATOR_SITE) {
  emulator::load_matrix(word, 2, row, emulator::WarpOperation::load_matrix_transposed, site);
}

#endif

}  // namespace dcgan::cuda
