// The three products of an underlying convolution (kernels/conv/underlying.h) with kernel 4, stride
// 2, padding 1 and even extents, as implicit matrix products on tensor cores: bf16, or f32 rounded
// to TF32; sums in f32.
//
//   down     forward           rows = N P Q pixels, columns = K features, depth = 16 C
//   up       backward_data     rows = N P Q pixels, columns = C channels, depth = 4 K; for each of
//                              the four phases (h % 2, w % 2) of the image
//   weights  backward_weights  rows = K features, columns = 16 C, depth = N P Q pixels
//
// A product whose tiles are too few to fill a GPU is divided along the depth; the parts leave f32
// sums that a second launch adds in their order. The division is of the shape alone, so that sums
// repeat bit for bit on any GPU.
#pragma once

#include <cstddef>
#include <string_view>

#include "kernels/conv/conv.h"

namespace dcgan::cuda {

struct TensorCoreConv {
  int images = 0;    // N
  int height = 0;    // H = 2 P
  int width = 0;     // W = 2 Q
  int channels = 0;  // C
  int rows = 0;      // P
  int columns = 0;   // Q
  int features = 0;  // K
  DType dtype = DType::f32;
};

/// What a block computes: rows x columns of the sums, steps of `depth_bytes` of depth. t: each warp
/// multiplies by itself; g: warpgroups do.
enum class TensorCoreTile {
  t256x128,
  t128x128,
  t128x64,
  t64x64,
  t64x64_shallow,
  g256x128,
  g128x128,
  g128x128_two,
  g128x64
};

/// Calls body.template operator()<tiles...>() with all of them, first choice first.
template <class Body>
decltype(auto) with_all_tiles(const Body& body) {
  using enum TensorCoreTile;
  return body.template operator()<t256x128, t128x128, t128x64, t64x64, t64x64_shallow, g256x128,
                                  g128x128, g128x128_two, g128x64>();
}

/// Of a candidate; part of the plan cache's keys.
constexpr std::string_view candidate_name(TensorCoreTile tile) {
  switch (tile) {
    case TensorCoreTile::t256x128:
      return "tensor core 256x128";
    case TensorCoreTile::t128x128:
      return "tensor core 128x128";
    case TensorCoreTile::t128x64:
      return "tensor core 128x64";
    case TensorCoreTile::t64x64:
      return "tensor core 64x64";
    case TensorCoreTile::t64x64_shallow:
      return "tensor core 64x64 shallow";
    case TensorCoreTile::g256x128:
      return "warpgroup 256x128";
    case TensorCoreTile::g128x128:
      return "warpgroup 128x128";
    case TensorCoreTile::g128x128_two:
      return "warpgroup 128x128 two";
    case TensorCoreTile::g128x64:
      break;
  }
  return "warpgroup 128x64";
}

/// Whether the kernels compute all passes of a config, with a tile. The device must have them
/// (sm_80; warpgroups: sm_90 itself, in a build for it); channels and features must be multiples of
/// 16 bytes, and of a step of depth where they are the depth; f32 needs TF32 allowed, and has no
/// tile of 256 x 128 or 128 x 128 and none of warpgroups. No tanh: it takes the registers of sums,
/// and no wide layer has it.
bool tensor_core_fits(const Context& context, const ConvConfig& config, TensorCoreTile tile);

/// Whether this build has the tiles of warpgroups.
bool built_for_warpgroups();

struct TileDescription {
  int rows;
  int columns;
  int depth_bytes;
  int stages;
  int warps_down;
  int warps_across;
  int blocks;  // of a multiprocessor at once
  bool warpgroups = false;

  std::size_t shared_bytes() const {
    return static_cast<std::size_t>(stages) * static_cast<std::size_t>(rows + columns) *
           static_cast<std::size_t>(depth_bytes);
  }
};

/// Large tiles read each value from the second-level cache less often, and warps of 64 x 64 sums
/// read 8 matrices of shared memory for 32 products, those of 64 x 32 read 6 for 16, of 32 x 32 4
/// for 8; small tiles fill a GPU on small problems. A thread has 128, 128, 64, 32 and 32 sums; a
/// multiprocessor's blocks take 144, 192, 216, 192 and 128 KiB of shared memory. Warpgroups read
/// shared memory themselves: a thread has 64, 64, 64 and 32 sums, and the stages take 192 KiB.
constexpr TileDescription describe(TensorCoreTile tile) {
  switch (tile) {
    case TensorCoreTile::t256x128:
      return {256, 128, 128, 3, 4, 2, 1};
    case TensorCoreTile::t128x128:
      return {128, 128, 128, 3, 2, 2, 2};
    case TensorCoreTile::t128x64:
      return {128, 64, 128, 3, 2, 2, 3};
    case TensorCoreTile::t64x64:
      return {64, 64, 128, 3, 2, 2, 4};
    case TensorCoreTile::g256x128:
      return {256, 128, 128, 4, 16, 1, 1, true};
    case TensorCoreTile::g128x128:
      return {128, 128, 128, 6, 8, 1, 1, true};
    case TensorCoreTile::g128x128_two:
      return {128, 128, 128, 3, 8, 1, 2, true};
    case TensorCoreTile::g128x64:
      return {128, 64, 128, 4, 8, 1, 2, true};
    case TensorCoreTile::t64x64_shallow:
      break;
  }
  return {64, 64, 64, 4, 2, 2, 4};
}

/// How a product is divided among blocks. Rows of `down` and `up` may be in groups of images, whose
/// tiles do not cross from one to the next.
struct ProductDivision {
  int groups = 1;
  int rows_of_group = 0;
  int tiles_of_group = 0;  // down, one phase
  int tiles_across = 0;
  int phases = 1;
  int steps = 0;            // of the whole depth
  int steps_per_split = 0;  // the last split may have fewer
  int splits = 1;

  /// Tiles down and across, phases.
  std::int64_t tiles() const {
    return std::int64_t{groups} * tiles_of_group * tiles_across * phases;
  }
};

/// What a caller may decide about a division.
struct DivisionLimits {
  int groups = 1;  // divides the images
  bool split_depth = true;
};

enum class TensorCoreProduct { down, up, weights };

TensorCoreConv tensor_core_conv(const ConvConfig& config);
TensorCoreProduct tensor_core_product(ConvType type, ConvPass pass);
ProductDivision divide(const TensorCoreConv& conv, TensorCoreProduct product, TensorCoreTile tile,
                       const DivisionLimits& limits = {});

/// f32 elements of partial sums that a product needs; 0 when its depth is not divided.
std::int64_t tensor_core_partials(const TensorCoreConv& conv, TensorCoreProduct product,
                                  TensorCoreTile tile);

/// The operands of a product. Pointers are multiples of 16 bytes. `partials`: f32, at least
/// tensor_core_partials() elements, contents undefined before and after.
struct TensorCoreOperands {
  ConstTensorView image;      // down, weights: (N, H, W, C)
  ConstTensorView features;   // up, weights: (N, P, Q, K)
  ConstTensorView weights;    // down, up: (K, 4, 4, C)
  TensorView to;              // features; image; dweights (f32)
  ActivationSpec activation;  // of the result
  float* partials = nullptr;
  ConstTensorView bias{};  // down, up: f32, of each column, added before the activation; or empty
};

/// Throws Error(internal) when a pointer is not a multiple of 16 bytes.
void check_alignment(const TensorCoreOperands& operands);

void tensor_core_down(const Context& context, const TensorCoreConv& conv, TensorCoreTile tile,
                      const TensorCoreOperands& operands);
void tensor_core_up(const Context& context, const TensorCoreConv& conv, TensorCoreTile tile,
                    const TensorCoreOperands& operands);
void tensor_core_weights(const Context& context, const TensorCoreConv& conv, TensorCoreTile tile,
                         const TensorCoreOperands& operands);

/// to = activation(the sum of `splits` tables (splits, elements of `to`), in their order, + bias).
/// Elements are a multiple of 4, and so is the number of biases, which repeat; empty: none.
void add_splits(const Context& context, const float* partials, int splits, TensorView to,
                ConstTensorView bias, const ActivationSpec& activation);

}  // namespace dcgan::cuda
