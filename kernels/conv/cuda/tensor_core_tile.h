// The inner part of our convolutions on tensor cores: a block multiplies a tile of A, rows x depth,
// with a tile of B, depth x columns, step by step along the depth. Both lie in shared memory, in
// several stages that asynchronous copies fill while older ones are multiplied.
//
// A "word" is what a lane brings to a product: 32 bits, two neighbouring bf16 or one f32 rounded to
// TF32. In both types a fragment's words lie at the same places of a matrix of words
// (kernels/common/cuda/tensor_core.h), so one kernel serves both. A product takes 8 words = 32
// bytes of depth. In the comments g = lane / 4 and t = lane % 4.
#pragma once

#include "kernels/common/cuda/tensor_core.h"
#include "kernels/common/cuda/vector.h"
#include "kernels/common/cuda/warpgroup.h"

namespace dcgan::cuda {

inline constexpr int kChunkBytes = 16;    // of a copy, and of a matrix row that ldmatrix reads
inline constexpr int kProductBytes = 32;  // of depth

/// How the warps of a block multiply: each its part of the tile, or four together (warpgroup.h), 64
/// rows and all columns, for bf16 on sm_90.
enum class Warps { alone, in_groups };

/// A stored value as a factor of a product.
template <class T>
struct TileWord;

template <>
struct TileWord<bf16> {
  __device__ static __forceinline__ std::uint32_t factor(std::uint32_t stored) { return stored; }
  __device__ static __forceinline__ void multiply(Accumulator& sum, const FragmentA& a,
                                                  const FragmentB& b) {
    mma_bf16(sum, a, b);
  }
};

template <>
struct TileWord<float> {
  __device__ static __forceinline__ std::uint32_t factor(std::uint32_t stored) {
    return to_tf32(__uint_as_float(stored));
  }
  __device__ static __forceinline__ void multiply(Accumulator& sum, const FragmentA& a,
                                                  const FragmentB& b) {
    mma_tf32(sum, a, b);
  }
};

/// Sizes of a block's work. Each warp has kWarpRows x kWarpColumns of the sums.
template <int rows, int columns, int depth_bytes, int stages, int warps_down, int warps_across,
          int blocks, Warps products>
struct TileSizes {
  static constexpr bool kByWarpgroups = products == Warps::in_groups;
  static constexpr int kRows = rows;
  static constexpr int kColumns = columns;
  static constexpr int kDepthBytes = depth_bytes;  // of a step
  static constexpr int kStages = stages;
  static constexpr int kWarpsDown = warps_down;
  static constexpr int kThreads = 32 * warps_down * warps_across;
  static constexpr int kBlocks = blocks;  // of a multiprocessor at once; bounds the registers
  static constexpr int kWarpRows = rows / warps_down;
  static constexpr int kWarpColumns = columns / warps_across;
  static constexpr int kDown = kWarpRows / 16;  // products of a warp
  static constexpr int kAcross = kWarpColumns / 8;
  static constexpr int kStageBytes = (rows + columns) * depth_bytes;
  static constexpr int kSharedBytes = stages * kStageBytes;
  static_assert(kWarpRows % 16 == 0 && kWarpColumns % 16 == 0 && depth_bytes % 64 == 0);
  static_assert(!kByWarpgroups || (kWarpRows == 16 && warps_down % 4 == 0 && warps_across == 1 &&
                                   depth_bytes == 128 && stages > 2));

  template <class T>
  static constexpr int kDepth = depth_bytes / static_cast<int>(sizeof(T));  // values of a step

  __device__ static __forceinline__ int lane() { return static_cast<int>(threadIdx.x) % 32; }
  __device__ static __forceinline__ int warp_row() {
    return static_cast<int>(threadIdx.x) / 32 / warps_across * kWarpRows;
  }
  __device__ static __forceinline__ int warp_column() {
    return static_cast<int>(threadIdx.x) / 32 % warps_across * kWarpColumns;
  }
};

/// The sums of a warp: (kDown, kAcross) products of 16 x 8.
template <class Tile>
struct WarpSums {
  Accumulator of[Tile::kDown][Tile::kAcross];
};

/// A factor as it lies in shared memory when its depth is contiguous in global memory: (extent,
/// depth), rows of `depth_bytes`.
///
/// Banks. ldmatrix reads 8 rows of 16 bytes at a time; they are in different banks when their
/// places in the 128-byte lines differ. With rows of 128 bytes, chunk c of row r lies at c ^ (r %
/// 8): 8 rows, 8 places. With rows of 64 bytes a line has two rows, r % 2 selects the half, and
/// c ^ (r / 2 % 4) the place in it: 8 again. Copies write whole lines.
template <class T, int extent, int depth_bytes>
struct DepthInner {
  static constexpr int kRows = extent;
  static constexpr int kRowBytes = depth_bytes;  // from row to row
  static constexpr int kChunks = depth_bytes / kChunkBytes;
  static constexpr int kPeriod = 8;  // rows after which the places repeat
  static_assert(kChunks == 4 || kChunks == 8);

  __device__ static __forceinline__ int offset(int row, int chunk) {
    const int place = chunk ^ (kChunks == 8 ? row % 8 : row / 2 % 4);
    return row * kRowBytes + place * kChunkBytes;
  }

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  static constexpr int kOuter = 0;
  static constexpr int kDescribedBytes = kProductBytes;  // from product to product
  /// For products of warpgroups, from row or column `first` on.
  __device__ static __forceinline__ std::uint64_t described(const unsigned char* tile, int first) {
    return matrix_descriptor(tile + first * kRowBytes, 16);
  }
#endif

  /// Rows first + 0..16 count, `product` counts along the depth.
  template <int count>
  __device__ static __forceinline__ void load_a(FragmentA (&a)[count], const unsigned char* tile,
                                                int first, int product) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const unsigned char* from =
        tile + first * kRowBytes + offset(lane % 16, 2 * product + lane / 16);
#pragma unroll
    for (int i = 0; i < count; ++i) {
      load_matrix_x4(a[i].word, from + 16 * i * kRowBytes);
#pragma unroll
      for (int w = 0; w < 4; ++w) a[i].word[w] = TileWord<T>::factor(a[i].word[w]);
    }
  }

  /// Columns first + 0..8 count: rows of this tile.
  template <int count>
  __device__ static __forceinline__ void load_b(FragmentB (&b)[count], const unsigned char* tile,
                                                int first, int product) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const unsigned char* from =
        tile + first * kRowBytes + offset(lane % 8 + lane / 16 * 8, 2 * product + lane / 8 % 2);
#pragma unroll
    for (int i = 0; i < count; i += 2) {
      std::uint32_t word[4];
      load_matrix_x4(word, from + 8 * i * kRowBytes);
#pragma unroll
      for (int w = 0; w < 4; ++w) b[i + w / 2].word[w % 2] = TileWord<T>::factor(word[w]);
    }
  }
};

/// A factor when its extent is contiguous in global memory: (depth, extent), in panels of 128 bytes
/// of the extent, each (depth, 128 bytes).
///
/// Banks. bf16: ldmatrix reads 8 rows of 16 bytes of one chunk c; c ^ (r % 8) are 8 places in the
/// 128-byte lines. f32: a lane reads single words, as ldmatrix transposes 16-bit values only: rows
/// t = 0..3, 8 neighbouring words g, that is chunks c and c + 1 with c even; c ^ 2t are 4 pairs of
/// places. Copies write whole lines.
template <class T, int extent, int depth_bytes>
struct DepthOuter {
  static constexpr bool kIsBf16 = sizeof(T) == 2;
  static constexpr int kRows = depth_bytes / static_cast<int>(sizeof(T));
  static constexpr int kRowBytes = 128;  // from row to row of a panel
  static constexpr int kPanelBytes = kRows * kRowBytes;
  static constexpr int kChunks = extent * static_cast<int>(sizeof(T)) / kChunkBytes;
  static constexpr int kPeriod = kIsBf16 ? 8 : 4;
  static_assert(kChunks % 8 == 0);

  __device__ static __forceinline__ int offset(int row, int chunk) {
    const int place = chunk % 8 ^ (kIsBf16 ? row % 8 : 2 * (row % 4));
    return chunk / 8 * kPanelBytes + row * kRowBytes + place * kChunkBytes;
  }

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  static constexpr int kOuter = 1;
  static constexpr int kDescribedBytes = 16 * kRowBytes;
  /// `first`: a multiple of 64.
  __device__ static __forceinline__ std::uint64_t described(const unsigned char* tile, int first) {
    return matrix_descriptor(tile + first / 64 * kPanelBytes, kPanelBytes);
  }
#endif

  template <int count>
  __device__ static __forceinline__ void load_a(FragmentA (&a)[count], const unsigned char* tile,
                                                int first, int product) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
    for (int i = 0; i < count; ++i) {
      if constexpr (kIsBf16) {
        const int row = 16 * product + lane % 8 + lane / 16 * 8;
        load_matrix_x4_transposed(a[i].word, tile + offset(row, first / 8 + 2 * i + lane / 8 % 2));
      } else {
#pragma unroll
        for (int w = 0; w < 4; ++w) {
          a[i].word[w] = word_at(tile, 8 * product + lane % 4 + w / 2 * 4,
                                 first + 16 * i + w % 2 * 8 + lane / 4);
        }
      }
    }
  }

  template <int count>
  __device__ static __forceinline__ void load_b(FragmentB (&b)[count], const unsigned char* tile,
                                                int first, int product) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
    for (int i = 0; i < count; i += 2) {
      if constexpr (kIsBf16) {
        const int row = 16 * product + lane % 16;
        std::uint32_t word[4];
        load_matrix_x4_transposed(word, tile + offset(row, first / 8 + i + lane / 16));
#pragma unroll
        for (int w = 0; w < 4; ++w) b[i + w / 2].word[w % 2] = word[w];
      } else {
#pragma unroll
        for (int w = 0; w < 4; ++w) {
          b[i + w / 2].word[w % 2] =
              word_at(tile, 8 * product + lane % 4 + w % 2 * 4, first + 8 * (i + w / 2) + lane / 4);
        }
      }
    }
  }

 private:
  __device__ static __forceinline__ std::uint32_t word_at(const unsigned char* tile, int row,
                                                          int at) {
    const auto* chunk = reinterpret_cast<const std::uint32_t*>(tile + offset(row, at / 4));
    return TileWord<T>::factor(chunk[at % 4]);
  }
};

}  // namespace dcgan::cuda
