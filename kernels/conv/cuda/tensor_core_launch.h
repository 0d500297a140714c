// What the launches of tensor_core_conv.h share.
#pragma once

#include "kernels/conv/cuda/tensor_core_conv.h"
#include "kernels/conv/cuda/tensor_core_copies.h"
#include "kernels/conv/cuda/tensor_core_loop.h"
#include "kernels/conv/cuda/tensor_core_store.h"

namespace dcgan::cuda {

template <TensorCoreTile tile>
using SizesOf =
    TileSizes<describe(tile).rows, describe(tile).columns, describe(tile).depth_bytes,
              describe(tile).stages, describe(tile).warps_down, describe(tile).warps_across,
              describe(tile).blocks, describe(tile).warpgroups ? Warps::in_groups : Warps::alone>;

/// Has kernels for f32: the largest tiles have no registers left for its roundings, warpgroups do
/// not round (tensor_core_fits).
constexpr bool has_f32(TensorCoreTile tile) {
  return !describe(tile).warpgroups && describe(tile).rows * describe(tile).columns < 128 * 128;
}

/// Host side: calls body.template operator()<Sizes>() for a tile.
template <class T, class Body>
void with_tile(TensorCoreTile tile, const Body& body) {
  const auto is_wanted = [&]<TensorCoreTile one>() {
    if constexpr (sizeof(T) == 2 || has_f32(one)) {
      if (tile == one) {
        body.template operator()<SizesOf<one>>();
        return true;
      }
    }
    return false;
  };
  const bool found = with_all_tiles([&]<TensorCoreTile... tiles>() {
    return (is_wanted.template operator()<tiles>() || ...);
  });
  if (!found) {
    fail(ErrorKind::internal, "conv: no tile of {} rows for this type", describe(tile).rows);
  }
}

/// A block's place in the grid. Blocks that read the same rows of A are neighbours, phases of the
/// same pixels too, so that a GPU reads them from memory once.
struct BlockPlace {
  int row;        // first of its tile
  int rows_left;  // of its group, from that row on
  int column;     // first of its tile
  int group;
  int tile;  // of the group, down
  int phase;
  int split;
  int first_step;
  int steps;
};

template <class Tile>
__device__ __forceinline__ BlockPlace block_place(const ProductDivision& division) {
  const int index = static_cast<int>(blockIdx.x);
  const int rest = index / division.tiles_across;
  const int down = rest / division.phases;
  BlockPlace place;
  place.group = down / division.tiles_of_group;
  place.tile = down - place.group * division.tiles_of_group;
  place.row = place.group * division.rows_of_group + place.tile * Tile::kRows;
  place.rows_left = division.rows_of_group - place.tile * Tile::kRows;
  place.column = (index - rest * division.tiles_across) * Tile::kColumns;
  place.phase = rest - down * division.phases;
  place.split = static_cast<int>(blockIdx.z);
  place.first_step = place.split * division.steps_per_split;
  const int left = division.steps - place.first_step;
  place.steps = left < division.steps_per_split ? left : division.steps_per_split;
  return place;
}

/// The sums of a block's tile. Starts after the work before it.
template <class T, class Tile, class Copies, class Product>
__device__ __forceinline__ WarpSums<Tile> tile_sums(const Product& product, const BlockPlace& place,
                                                    unsigned char* shared) {
  WarpSums<Tile> sums{};
  Copies copies(product, place);  // addresses only
  start_after_previous();
  multiply_tiles<Tile, T, typename Copies::A, typename Copies::B>(shared, place.steps, copies,
                                                                  sums);
  return sums;
}

template <class Tile>
LaunchShape launch_shape(const char* kernel, const ProductDivision& division) {
  return {kernel,
          dim3(static_cast<unsigned>(division.tiles()), 1, static_cast<unsigned>(division.splits)),
          dim3(Tile::kThreads), Tile::kSharedBytes};
}

template <class T>
SumsOut<T> sums_out(const TensorCoreOperands& operands, const ProductDivision& division) {
  const bool divided = division.splits > 1;
  return {operands.to.as<T>(),      divided ? operands.partials : nullptr,
          operands.to.elements(),   operands.bias.empty() ? nullptr : operands.bias.as<float>(),
          operands.activation.kind, operands.activation.negative_slope};
}

/// Adds up the partial sums, where the depth was divided.
inline void finish_splits(const Context& context, const TensorCoreOperands& operands,
                          const ProductDivision& division) {
  if (division.splits == 1) return;
  add_splits(context, operands.partials, division.splits, operands.to, operands.bias,
             operands.activation);
}

}  // namespace dcgan::cuda
