// Which shapes the tensor-core convolutions take, how their products are divided, and the plan.
#include "kernels/conv/cuda/tensor_core_conv.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "kernels/conv/cuda/plans.h"
#include "kernels/conv/underlying.h"
#include "kernels/elementwise/activation.h"
#include "runtime/device/cuda/runtime.h"

namespace dcgan::cuda {
namespace {

constexpr int kKernel = 4;
constexpr std::int64_t kMultiprocessors = 132;  // a GPU's that small problems shall fill
/// A build for sm_90 has the instructions of sm_90a; the emulator multiplies by warps instead.
#if defined(DCGAN_WARPGROUPS)
constexpr bool kBuiltForWarpgroups = true;
#else
constexpr bool kBuiltForWarpgroups = false;
#endif
constexpr std::int64_t kFewestSteps = 8;  // of a split: its pipeline is 2 or 3 steps deep

/// Rows, columns and depth (values) of a product, one phase.
struct ProductShape {
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t depth;
  int phases;
};

ProductShape shape_of(const TensorCoreConv& conv, TensorCoreProduct product) {
  const std::int64_t pixels = std::int64_t{conv.images} * conv.rows * conv.columns;
  const std::int64_t taps = std::int64_t{kKernel} * kKernel;
  switch (product) {
    case TensorCoreProduct::down:
      return {pixels, conv.features, taps * conv.channels, 1};
    case TensorCoreProduct::up:
      return {pixels, conv.channels, taps / 4 * conv.features, 4};
    case TensorCoreProduct::weights:
      break;
  }
  return {conv.features, taps * conv.channels, pixels, 1};
}

std::int64_t blocks_of(std::int64_t extent, std::int64_t piece) {
  return (extent + piece - 1) / piece;
}

class TensorCorePlan final : public ConvPlan {
 public:
  TensorCorePlan(const ConvConfig& config, TensorCoreTile tile)
      : type_(config.spec.type),
        passes_(config.passes),
        activation_(config.activation),
        conv_(tensor_core_conv(config)),
        tile_(tile) {}

  std::size_t workspace_bytes(ConvPass pass) const override {
    if (!passes_.contain(pass)) return 0;
    return static_cast<std::size_t>(
               tensor_core_partials(conv_, tensor_core_product(type_, pass), tile_)) *
           sizeof(float);
  }

  void forward(const Context& context, const ConvForward& tensors) override {
    run(context, ConvPass::forward, tensors.x, tensors.weights, tensors.y, tensors.workspace,
        activation_, tensors.bias);
  }

  void activation_backward(const Context& context, const ConvBackward& tensors) override {
    activation_backward_in_place(context, tensors.y, tensors.dy, activation_);
  }

  void backward_data(const Context& context, const ConvBackward& tensors) override {
    run(context, ConvPass::backward_data, tensors.dy, tensors.weights, tensors.dx,
        tensors.workspace, {}, {});
  }

  void backward_weights(const Context& context, const ConvBackward& tensors) override {
    const auto [image, features] =
        image_and_features<ConstTensorView>(type_, tensors.x, tensors.dy);
    const TensorCoreOperands operands{
        image, features, /*weights=*/{}, tensors.dweights, {}, partials_in(tensors.workspace)};
    check_alignment(operands);
    tensor_core_weights(context, conv_, tile_, operands);
  }

  std::string describe() const override {
    const TileDescription tile = cuda::describe(tile_);
    return fmt::format("own convolution on tensor cores, tiles {} x {} x {} bytes", tile.rows,
                       tile.columns, tile.depth_bytes);
  }

 private:
  void run(const Context& context, ConvPass pass, ConstTensorView from, ConstTensorView weights,
           TensorView to, TensorView workspace, const ActivationSpec& activation,
           ConstTensorView bias) const {
    const bool down = tensor_core_product(type_, pass) == TensorCoreProduct::down;
    TensorCoreOperands operands{{}, {}, weights, to, activation, partials_in(workspace), bias};
    (down ? operands.image : operands.features) = from;
    check_alignment(operands);
    (down ? tensor_core_down : tensor_core_up)(context, conv_, tile_, operands);
  }

  static float* partials_in(const TensorView& workspace) {
    return reinterpret_cast<float*>(workspace.as<std::uint8_t>());
  }

  ConvType type_;
  ConvPasses passes_;
  ActivationSpec activation_;
  TensorCoreConv conv_;
  TensorCoreTile tile_;
};

bool fits_31_bits(const Shape& shape) {
  return shape.elements() <= std::numeric_limits<std::int32_t>::max();
}

/// Shared memory that one block may have, by the CUDA programming guide's table of compute
/// capabilities.
std::size_t most_shared_bytes(const DeviceDescription& gpu) {
  constexpr std::size_t kKib = 1024;
  if (gpu.major == 9 || gpu.major == 10) return 227 * kKib;
  const bool large = gpu.major == 8 && (gpu.minor == 0 || gpu.minor == 7);
  return (large ? 163 : 99) * kKib;
}

template <TensorCoreTile tile>
bool fits(const Context& context, const ConvConfig& config) {
  return tensor_core_fits(context, config, tile);
}
template <TensorCoreTile tile>
std::unique_ptr<ConvPlan> plan(const Context& context, const ConvConfig& config) {
  DCGAN_CHECK(tensor_core_fits(context, config, tile),
              "conv: {} on {} is not for the tensor-core kernels", to_string(config.spec),
              to_string(config.input));
  return std::make_unique<TensorCorePlan>(config, tile);
}

template <TensorCoreTile tile>
Algorithm algorithm() {
  return {{candidate_name(tile), fits<tile>, plan<tile>},
          PlanSource::own_kernels,
          Derivative::in_place,
          Choice::when_timed};
}

}  // namespace

TensorCoreProduct tensor_core_product(ConvType type, ConvPass pass) {
  switch (underlying_product(type, pass)) {
    case ConvPass::forward:
      return TensorCoreProduct::down;
    case ConvPass::backward_data:
      return TensorCoreProduct::up;
    case ConvPass::backward_weights:
      break;
  }
  return TensorCoreProduct::weights;
}

bool built_for_warpgroups() { return kBuiltForWarpgroups; }

TensorCoreConv tensor_core_conv(const ConvConfig& config) {
  const UnderlyingConv underlying = underlying_of(config);
  const auto extent = [](const Shape& shape, int axis) { return static_cast<int>(shape[axis]); };
  TensorCoreConv conv;
  conv.images = extent(underlying.image, 0);
  conv.height = extent(underlying.image, 1);
  conv.width = extent(underlying.image, 2);
  conv.channels = extent(underlying.image, 3);
  conv.rows = extent(underlying.features, 1);
  conv.columns = extent(underlying.features, 2);
  conv.features = extent(underlying.features, 3);
  conv.dtype = underlying.dtype;
  return conv;
}

void check_alignment(const TensorCoreOperands& operands) {
  for (const void* pointer :
       {operands.image.data, operands.features.data, operands.weights.data,
        static_cast<const void*>(operands.to.data), static_cast<const void*>(operands.partials)}) {
    DCGAN_CHECK(reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0,
                "conv: a tensor at {} is not aligned to 16 bytes", pointer);
  }
}

ProductDivision divide(const TensorCoreConv& conv, TensorCoreProduct product, TensorCoreTile tile,
                       const DivisionLimits& limits) {
  const ProductShape shape = shape_of(conv, product);
  const TileDescription sizes = describe(tile);
  const std::int64_t depth = sizes.depth_bytes / static_cast<std::int64_t>(size_of(conv.dtype));
  ProductDivision division;
  division.groups = limits.groups;
  division.rows_of_group = static_cast<int>(shape.rows / limits.groups);
  division.tiles_of_group = static_cast<int>(blocks_of(division.rows_of_group, sizes.rows));
  division.tiles_across = static_cast<int>(blocks_of(shape.columns, sizes.columns));
  division.phases = shape.phases;
  division.steps = static_cast<int>(blocks_of(shape.depth, depth));
  // A block of 128 x 128 sums for each multiprocessor, more of smaller ones.
  const std::int64_t wanted =
      kMultiprocessors * std::max(1, 128 * 128 / (sizes.rows * sizes.columns));
  const std::int64_t splits =
      limits.split_depth ? std::max<std::int64_t>(1, std::min(wanted / division.tiles(),
                                                              division.steps / kFewestSteps))
                         : 1;
  division.steps_per_split = static_cast<int>(blocks_of(division.steps, splits));
  division.splits = static_cast<int>(blocks_of(division.steps, division.steps_per_split));
  return division;
}

std::int64_t tensor_core_partials(const TensorCoreConv& conv, TensorCoreProduct product,
                                  TensorCoreTile tile) {
  const ProductDivision division = divide(conv, product, tile);
  if (division.splits == 1) return 0;
  const ProductShape shape = shape_of(conv, product);
  return shape.rows * shape.columns * shape.phases * division.splits;
}

bool tensor_core_fits(const Context& context, const ConvConfig& config, TensorCoreTile tile) {
  const ConvSpec& spec = config.spec;
  const bool bf16 = config.dtype == DType::bf16;
  const bool large = describe(tile).rows * describe(tile).columns >= 128 * 128;
  const bool warpgroups = describe(tile).warpgroups;
  if (!bf16 && (!config.policy.allow_tf32 || large || warpgroups)) return false;
  if (config.activation.kind == Activation::tanh) return false;
  if (spec.kernel != kKernel || spec.stride != 2 || spec.padding != 1) return false;
  const UnderlyingConv conv = underlying_of(config);
  if (conv.image[1] != 2 * conv.features[1] || conv.image[2] != 2 * conv.features[2]) return false;
  if (!fits_31_bits(conv.image) || !fits_31_bits(conv.features) ||
      !fits_31_bits(conv.weight_shape())) {
    return false;
  }
  // A step of depth stays within one tap; rows begin at multiples of 16 bytes.
  const std::int64_t step =
      describe(tile).depth_bytes / static_cast<std::int64_t>(size_of(config.dtype));
  const std::int64_t chunk = 16 / static_cast<std::int64_t>(size_of(config.dtype));
  const std::int64_t channels_in = conv.products.forward ? step : chunk;
  const std::int64_t features_in = conv.products.backward_data ? step : chunk;
  if (conv.image[3] % channels_in != 0 || conv.features[3] % features_in != 0) return false;
  const DeviceDescription gpu = describe_device(context.device().ordinal);
  const bool has_products =
      warpgroups ? kBuiltForWarpgroups && gpu.major == 9 && gpu.minor == 0 : gpu.major >= 8;
  return has_products && describe(tile).shared_bytes() <= most_shared_bytes(gpu);
}

const std::vector<Algorithm>& tensor_core_algorithms() {
  static const std::vector<Algorithm> all = with_all_tiles(
      []<TensorCoreTile... tiles>() { return std::vector<Algorithm>{algorithm<tiles>()...}; });
  return all;
}

}  // namespace dcgan::cuda
