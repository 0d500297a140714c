// Rows of features in shared memory for a block that goes down an image: tile after tile it copies
// the rows that are new, while the last ones that it has are still read.
#pragma once

#include "kernels/conv/cuda/small_channel_tensor_stage.h"

namespace dcgan::cuda {

/// All tiles of a batch, counted down a strip of columns, then across, then by images.
struct TileGrid {
  int down;
  int across;
  unsigned tiles;
};

/// Rows of `columns` pixels, 128 bytes of features each, swizzled(). A tile of `tile_rows`
/// positions reads the local rows 0..tile_rows + 1, of which row 0 is the feature row before the
/// tile's first. Strips begin `owned` columns apart. Rows outside of the features are not there and
/// may not be read; columns outside are zero.
template <int tile_rows, int columns, int owned, int threads>
struct FeatureRing {
  static constexpr int kPieces = 8;
  static constexpr int kPixelBytes = 16 * kPieces;
  static constexpr int kRowBytes = columns * kPixelBytes;
  static constexpr int kRows = tile_rows + 2;  // of a tile
  static constexpr int kStep = threads / kPieces;
  static constexpr int kStepsAcross = kStep < columns ? columns / kStep : 1;
  static constexpr int kRowsOfStep = kStep < columns ? 1 : kStep / columns;
  static constexpr int kSteps = kRows / kRowsOfStep * kStepsAcross;
  static_assert(threads % kPieces == 0 && kStep % 8 == 0 && kRows % kRowsOfStep == 0);
  static_assert(columns % kStep == 0 || kStep % columns == 0);

  // Of one tile: where it is in the ring, and which of its rows come by a copy of its own.
  struct Tile {
    FeatureTile at;         // its first position
    int first_feature = 0;  // of the 128 bytes
    int slot = 0;           // of local row 0
    int first_new = 0;      // local row
  };

  class Run;

  /// What a tile reads and what the next one adds: all its rows where features are divided into
  /// chunks, since tiles then share none.
  __host__ __device__ static int slots_of(const SmallChannelConv& conv, int chunk) {
    return kRows + (conv.features > chunk ? kRows : tile_rows);
  }

  std::byte* rows;
  std::byte* outputs;  // kRows of them: each thread reads only what it has copied itself
  int slots;

  __device__ __forceinline__ int next_slot(int slot, int by) const {
    return slot + by >= slots ? slot + by - slots : slot + by;
  }
  __device__ __forceinline__ std::byte* row(const Tile& tile, int local) const {
    return rows + next_slot(tile.slot, local) * kRowBytes;
  }

  /// Starts the copies of a tile's new rows.
  template <class T>
  __device__ __forceinline__ void copy(const DeviceDerivedTensor<T>& tensor,
                                       const SmallChannelConv& conv, const Tile& tile) const {
    const int k = tile.first_feature + thread_piece() * kWide<T>;
    // 64 bits for the image, 32 inside of it.
    const std::int64_t image =
        std::int64_t{tile.at.image} * conv.rows * conv.columns * conv.features;
    const T* const data = tensor.data + image;
    const T* const output = tensor.output != nullptr ? tensor.output + image : nullptr;
    for_each_piece(conv, tile, [&](int p, int column, std::byte* to, std::byte* output_to) {
      const int q = tile.at.column + column;
      const bool inside = q < conv.columns && k < conv.features;
      const int at = inside ? (p * conv.columns + q) * conv.features + k : 0;
      copy_async_16(to, data + at, inside);
      if (output != nullptr) copy_async_16(output_to, output + at, inside);
    });
  }

  /// Of a derived tensor: multiplies what the thread has copied, and waited for, by the derivative.
  template <class T>
  __device__ __forceinline__ void derive(const DeviceDerivedTensor<T>& tensor,
                                         const SmallChannelConv& conv, const Tile& tile) const {
    for_each_piece(conv, tile, [&](int, int, std::byte* to, std::byte* output) {
      derive_shared<16>(tensor, output, to);
    });
  }

 private:
  __device__ static __forceinline__ int thread_piece() {
    return static_cast<int>(threadIdx.x) % kPieces;
  }

  /// Calls body(feature row, column in the tile, place, place of the output) for the calling
  /// thread's pieces of the new rows.
  template <class Body>
  __device__ __forceinline__ void for_each_piece(const SmallChannelConv& conv, const Tile& tile,
                                                 const Body& body) const {
    const int pixel = static_cast<int>(threadIdx.x) / kPieces;
    const int in_row = (pixel % columns * kPieces + swizzled(thread_piece(), pixel)) * 16;
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
      const int local = step / kStepsAcross * kRowsOfStep + pixel / columns;
      const int column = step % kStepsAcross * kStep;
      const int p = tile.at.row - 1 + local;
      if (local >= tile.first_new && p >= 0 && p < conv.rows) {
        const int at = in_row + column * kPixelBytes;
        body(p, pixel % columns + column, row(tile, local) + at, outputs + local * kRowBytes + at);
      }
    }
  }
};

/// A block's tiles, neighbours in the order of the grid, and of each the chunks of its features.
template <int tile_rows, int columns, int owned, int threads>
class FeatureRing<tile_rows, columns, owned, threads>::Run {
 public:
  __device__ __forceinline__ Run(const SmallChannelConv& conv, const TileGrid& grid, int chunk)
      : grid_(grid), features_(conv.features), chunk_(chunk) {
    const unsigned each = grid.tiles / gridDim.x;
    const unsigned rest = grid.tiles % gridDim.x;
    index_ = each * blockIdx.x + (blockIdx.x < rest ? blockIdx.x : rest);
    end_ = index_ + each + (blockIdx.x < rest ? 1 : 0);
    tile_.at = tile_at();
  }
  __device__ bool is_over() const { return index_ == end_; }
  __device__ bool is_divided() const { return features_ > chunk_; }
  __device__ const Tile& tile() const { return tile_; }

  /// To the next chunk or tile.
  __device__ __forceinline__ void advance(const FeatureRing& ring) {
    tile_.slot = ring.next_slot(tile_.slot, is_divided() ? kRows : tile_rows);
    tile_.first_feature += chunk_;
    if (tile_.first_feature < features_) return;
    tile_.first_feature = 0;
    if (++index_ == end_) return;
    tile_.at = tile_at();
    tile_.first_new = is_divided() || tile_.at.row == 0 ? 0 : 2;  // the tile above reads two
  }

 private:
  __device__ __forceinline__ FeatureTile tile_at() const {
    const FeatureTile at = tensor_tile(index_, grid_.across, grid_.down, owned, tile_rows);
    return {at.image, at.column, at.row};
  }

  TileGrid grid_;
  int features_;
  int chunk_;
  unsigned index_;
  unsigned end_;
  Tile tile_;
};

}  // namespace dcgan::cuda
