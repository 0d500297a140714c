// A block whose forward convolution leaves batch norm's statistics: one pass over memory less. The
// backward passes are a composite's.
#include <fmt/format.h>

#include <algorithm>

#include "kernels/block/block_variants.h"
#include "kernels/block/cuda/tensor_core_statistics.h"
#include "runtime/base/errors.h"

namespace dcgan::cuda {
namespace {

constexpr int kMostGroups = 8;  // each needs at least a few of a tile's tickets

/// What is left for a composite.
BlockConfig backward_of(BlockConfig config) {
  config.passes.forward = false;
  return config;
}

std::size_t bytes_of_f32(std::int64_t elements) {
  return sizeof(float) * static_cast<std::size_t>(elements);
}

class TensorCoreBlock final : public BlockPlan {
 public:
  TensorCoreBlock(const Context& context, const BlockConfig& config, TensorCoreTile tile)
      : context_(context),
        config_(config),
        tile_(tile),
        conv_(tensor_core_conv(forward_of(config))),
        product_(tensor_core_product(config.conv.type, ConvPass::forward)),
        division_(divide_statistics(
            divide(conv_, product_, tile, {config.norm_groups, /*split_depth=*/false}), tile)) {}

  std::size_t workspace_bytes(ConvPass pass) const override {
    if (pass != ConvPass::forward) return backward().workspace_bytes(pass);
    return bytes_of_f32(std::max(cohort_elements() + division_.scratch_elements(channels()),
                                 tensor_core_partials(conv_, product_, tile_)));
  }

  void convolve(const Context& context, const BlockForward& tensors) override {
    auto* const memory = static_cast<float*>(tensors.workspace.data);
    TensorCoreStatistics wanted{
        statistics(tensors), memory + cohort_elements(), tensors.tickets, {}, {}, options()};
    if (!is_exchanged()) {
      wanted.running = tensors.running;
      wanted.saved = tensors.saved;
    }
    tensor_core_with_statistics(context, conv_, product_, tile_, operands_of(tensors), wanted);
  }

  void normalise(const Context& context, const BlockForward& tensors) override {
    if (is_exchanged()) {
      batch_norm_finish(context, statistics(tensors), tensors.running, tensors.saved, options());
    }
    batch_norm_apply(context, {tensors.conv_output, tensors.norm, tensors.saved, tensors.output},
                     options());
  }

  void infer(const Context& context, const BlockForward& tensors) override {
    TensorCoreOperands operands = operands_of(tensors);
    operands.partials = static_cast<float*>(tensors.workspace.data);
    const bool down = product_ == TensorCoreProduct::down;
    (down ? tensor_core_down : tensor_core_up)(context, conv_, tile_, operands);
    batch_norm_inference(
        context, {tensors.conv_output, tensors.norm, tensors.running, tensors.output}, options());
  }
  void backward_sums(const Context& context, const BlockBackward& tensors) override {
    backward().backward_sums(context, tensors);
  }
  void backward_apply(const Context& context, const BlockBackward& tensors) override {
    backward().backward_apply(context, tensors);
  }
  void backward_data(const Context& context, const BlockBackward& tensors) override {
    backward().backward_data(context, tensors);
  }
  void backward_weights(const Context& context, const BlockBackward& tensors) override {
    backward().backward_weights(context, tensors);
  }

  BatchNormStatistics statistics(const BlockForward& tensors) const override {
    return BatchNormStatistics::in(
        {static_cast<float*>(tensors.workspace.data), {cohort_elements()}}, config_.norm_groups,
        division_.cohorts, channels());
  }
  BatchNormSums totals(const BlockBackward& tensors) const override {
    return backward().totals(tensors);
  }

  std::string describe() const override {
    const TileDescription tile = cuda::describe(tile_);
    std::string text =
        fmt::format("forward: own convolution with statistics, tiles {} x {} x {} bytes", tile.rows,
                    tile.columns, tile.depth_bytes);
    const ConvPasses& passes = config_.passes;
    if (passes.backward_data || passes.backward_weights) text += ", " + backward().describe();
    return text;
  }

 private:
  /// Built when it is asked for: the tuner tries many of these blocks and keeps one.
  BlockPlan& backward() const {
    if (!backward_) backward_ = make_composite_block(context_, backward_of(config_));
    return *backward_;
  }
  TensorCoreOperands operands_of(const BlockForward& tensors) const {
    TensorCoreOperands operands;
    (product_ == TensorCoreProduct::down ? operands.image : operands.features) = tensors.input;
    operands.weights = tensors.weights;
    operands.to = tensors.conv_output;
    check_alignment(operands);
    return operands;
  }
  bool is_exchanged() const { return config_.norm_statistics == NormStatistics::exchanged; }
  BatchNormOptions options() const { return config_.norm_options(); }
  std::int64_t channels() const { return config_.conv.out_channels; }
  std::int64_t cohort_elements() const {
    return BatchNormStatistics::elements(config_.norm_groups, division_.cohorts, channels());
  }

  const Context& context_;
  BlockConfig config_;
  TensorCoreTile tile_;
  TensorCoreConv conv_;
  TensorCoreProduct product_;
  StatisticsDivision division_;
  mutable std::unique_ptr<BlockPlan> backward_;
};

template <TensorCoreTile tile>
bool fits(const Context& context, const BlockConfig& config) {
  return context.is_cuda() && config.norm == Norm::batch && config.passes.forward &&
         config.norm_groups <= kMostGroups && config.dtype == DType::bf16 &&
         config.conv.out_channels % describe(tile).columns == 0 &&
         tensor_core_fits(context, forward_of(config), tile);
}

template <TensorCoreTile tile>
std::unique_ptr<BlockPlan> make(const Context& context, const BlockConfig& config) {
  DCGAN_CHECK(fits<tile>(context, config), "block: {} on {} has no kernel with statistics",
              to_string(config.conv), to_string(config.input));
  return std::make_unique<TensorCoreBlock>(context, config, tile);
}

template <TensorCoreTile tile>
BlockCandidate candidate() {
  return {candidate_name(tile), fits<tile>, make<tile>, BlockChoice::when_timed};
}

}  // namespace

StatisticsDivision divide_statistics(const ProductDivision& product, TensorCoreTile tile) {
  constexpr int kFewestTiles = 16;  // of a cohort: with fewer two merges take longer than one
  StatisticsDivision division;
  division.groups = product.groups;
  division.tiles = product.tiles_of_group * product.phases;
  // A column tile has a ticket for each of its columns: one for all, the others for cohorts.
  const int most_cohorts = (describe(tile).columns - 1) / product.groups;
  int tiles = std::max(kFewestTiles, (division.tiles + most_cohorts - 1) / most_cohorts);
  while (tiles * tiles < division.tiles) ++tiles;  // as long a merge of tiles as of cohorts
  division.cohort_tiles = (tiles + product.phases - 1) / product.phases * product.phases;
  division.cohorts = (division.tiles + division.cohort_tiles - 1) / division.cohort_tiles;
  return division;
}

ConvConfig forward_of(const BlockConfig& config) {
  return {config.conv,
          {},
          config.input,
          config.dtype,
          /*passes=*/{true, false, false},
          config.policy};
}

std::vector<BlockCandidate> block_candidates() {
  return with_all_tiles(
      []<TensorCoreTile... tiles>() { return std::vector<BlockCandidate>{candidate<tiles>()...}; });
}

}  // namespace dcgan::cuda
