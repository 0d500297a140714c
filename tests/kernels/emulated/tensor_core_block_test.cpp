// Blocks whose convolution leaves batch norm's statistics: several tiles, cohorts and groups,
// values with a mean far above their deviation, in three orders of threads and blocks. Whole blocks
// of every candidate are compared in tests/kernels/block.
#include <array>

#include "kernels/conv/cuda/tensor_core_conv.h"
#include "tests/emulator/grid/grid.h"
#include "tests/kernels/block/support.h"

namespace dcgan::test {
namespace {

/// Candidates for bf16, one a tile.
int all_tiles() { return cuda::built_for_warpgroups() ? 9 : 5; }

constexpr ConvType kDown = ConvType::convolution;
constexpr ConvType kUp = ConvType::transposed;
const Device kGpu{DeviceType::cuda, 0};

BlockConfig normed(ConvType type, int in, int out, const Shape& input, int groups) {
  return {{type, in, out, 4, 2, 1}, Norm::batch, {Activation::relu}, input, groups, DType::bf16};
}

Values random_input(const BlockConfig& config) {
  return reference::random_values(config.input, 1, config.dtype);
}
Values random_weights(const BlockConfig& config) {
  return reference::random_values(config.conv.weight_shape(), 2, config.dtype, 0.0, 0.2);
}

/// Statistics against those of the stored result, in float64.
void check_statistics(const BlockOnDevice& block, const BatchNormState& before) {
  BatchNormState after = before;
  const auto expected =
      reference::batch_norm_train(block.conv_output.read(), after, block.config.norm_options());
  // f32 sums of all values of a channel; a mean of values of both signs is smaller than they are.
  const std::int64_t count = block.conv_output.view().elements() / block.channels;
  const double sums = tolerance(DType::f32, count);
  CHECK(reference::relative_l2(block.mean.read(), expected.mean) < 16 * sums);
  CHECK(reference::relative_l2(block.invstd.read(), expected.invstd) < 2 * sums);
  CHECK(reference::relative_l2(block.running_mean.read(), after.running_mean) < 8 * sums);
  CHECK(reference::relative_l2(block.running_var.read(), after.running_var) < 4 * sums);
  CHECK(block.tracked.read()[0] == static_cast<double>(after.batches_tracked));
  CHECK(block.tickets.read().v == Values({block.channels}).v);
  CHECK(block.guards_intact());
}

/// Each candidate with kernels of its own that fits, in one order of threads and blocks after the
/// other, twice on the same tickets; returns their number.
int check_block(BlockConfig config, const Values& input, const Values& weights) {
  using emulator::ThreadOrder;
  constexpr std::array kOrders{ThreadOrder::forward, ThreadOrder::reverse, ThreadOrder::random};
  const Context context(kGpu);
  const Values convolved = reference::conv(config.conv, input, weights);
  const BatchNormState state = random_state(config.conv.out_channels);
  int fitting = 0;
  for (const BlockCandidate& candidate : block_candidates()) {
    if (candidate.choice == BlockChoice::always || !candidate.fits(context, config)) continue;
    emulator::set_order(kOrders.at(static_cast<std::size_t>(fitting++ % 3)));
    for (const NormStatistics statistics : {NormStatistics::local, NormStatistics::exchanged}) {
      INFO(candidate.name << ", statistics " << static_cast<int>(statistics));
      config.norm_statistics = statistics;
      const auto plan = candidate.make(context, config);
      const BlockOnDevice block(context, config, *plan, input, weights, Values(config.output()),
                                state);
      plan->convolve(context, block.forward_tensors());
      plan->normalise(context, block.forward_tensors());
      context.synchronize();
      check_statistics(block, state);
      CHECK(reference::relative_l2(block.conv_output.read(), convolved) <
            tolerance(DType::bf16, 16 * config.conv.in_channels));
    }
  }
  emulator::set_order(ThreadOrder::forward);
  return fitting;
}

}  // namespace

TEST_CASE("a convolution's statistics on tensor cores agree with float64") {
  // 30 pixels in each of three groups; every size of tile.
  const BlockConfig down = normed(kDown, 64, 128, {6, 6, 10, 64}, 3);
  CHECK(check_block(down, random_input(down), random_weights(down)) == all_tiles());
  const BlockConfig up = normed(kUp, 64, 128, {5, 3, 5, 64}, 1);
  CHECK(check_block(up, random_input(up), random_weights(up)) == all_tiles());
}

TEST_CASE("a convolution's statistics are merged from several cohorts of tiles") {
  // 812 pixels in each phase of two groups: 4 x 13 tiles, in cohorts of 16, 16, 16 and 4.
  const BlockConfig config = normed(kUp, 32, 64, {8, 7, 29, 32}, 2);
  CHECK(check_block(config, random_input(config), random_weights(config)) == 1);
}

TEST_CASE("a convolution's statistics keep their digits when the mean is 400 deviations") {
  const BlockConfig config = normed(kDown, 32, 64, {12, 12, 10, 32}, 2);
  // One tap that is never outside, from channel 0 to every feature: the result is the image.
  Values weights(config.conv.weight_shape());
  for (std::int64_t k = 0; k < config.conv.out_channels; ++k) weights.at(k, 1, 1, 0) = 1;
  Values input = random_input(config);
  for (double& value : input.v) value = value > 0 ? 100.5 : 100;
  CHECK(check_block(config, input, weights) == 1);
}

TEST_CASE("without tuning no block has kernels of its own") {
  const Context context(kGpu);
  const BlockConfig config = normed(kDown, 64, 128, {6, 6, 10, 64}, 3);
  CHECK_THAT(plan_block(context, config)->describe(), !Contains("with statistics"));
  BlockConfig without = config;
  without.norm = Norm::none;
  BlockConfig f32 = config;
  f32.dtype = DType::f32;
  for (const BlockConfig& other : {without, f32, normed(kDown, 64, 96, {6, 6, 10, 64}, 1)}) {
    for (const BlockCandidate& candidate : block_candidates()) {
      CHECK(candidate.fits(context, other) == (candidate.choice == BlockChoice::always));
    }
  }
}

}  // namespace dcgan::test
