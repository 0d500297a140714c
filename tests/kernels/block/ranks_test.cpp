// A block over ranks, what a plan is built for, and what it refuses.
#include "tests/kernels/block/support.h"
#include "tests/kernels/norm/two_ranks.h"

namespace dcgan::test {
namespace {

const ActivationSpec kLeaky{Activation::leaky_relu, 0.2f};

BlockConfig normed(int groups, DType dtype) {
  return {
      {ConvType::convolution, 8, 16, 4, 2, 1}, Norm::batch, kLeaky, {8, 8, 6, 8}, groups, dtype};
}

/// The two exchanges of a training step between two blocks that see half of a batch each.
void run_two_ranks(const BlockOnDevice& first, const BlockOnDevice& second) {
  const Context& context = first.context;
  const int groups = first.config.norm_groups;
  const RankStatistics of_first(context, groups, kRanks, first.channels);
  const RankStatistics of_second(context, groups, kRanks, second.channels);
  const auto contribute = [&](const BlockOnDevice& block, const RankStatistics& gathered,
                              std::int64_t rank) {
    block.plan.convolve(context, block.forward_tensors());
    batch_norm_merge(context, block.plan.statistics(block.forward_tensors()), gathered.view, rank);
  };
  contribute(first, of_first, 0);
  contribute(second, of_second, 1);
  all_reduce(context, of_first.memory.view(), of_second.memory.view());
  const auto receive = [&](const BlockOnDevice& block, const RankStatistics& gathered) {
    batch_norm_merge(context, gathered.view, block.plan.statistics(block.forward_tensors()));
    block.plan.normalise(context, block.forward_tensors());
    block.plan.backward_sums(context, block.backward_tensors());
  };
  receive(first, of_first);
  receive(second, of_second);
  const BatchNormSums totals = first.plan.totals(first.backward_tensors());
  const BatchNormSums other_totals = second.plan.totals(second.backward_tensors());
  all_reduce(context, totals.gradient, other_totals.gradient);
  all_reduce(context, totals.moment, other_totals.moment);
  for (const BlockOnDevice* block : {&first, &second}) {
    BlockBackward tensors = block->backward_tensors();
    tensors.norm_count = kRanks * block->output.view().elements() / block->channels / groups;
    block->plan.backward_apply(context, tensors);
    block->backward_convolution();
    CHECK(block->guards_intact());
  }
  CHECK(of_first.memory.guards_intact());
  CHECK(of_second.memory.guards_intact());
}

Values sum(Values a, const Values& b) {
  for (std::int64_t i = 0; i < a.elements(); ++i) a[i] += b[i];
  return a;
}

}  // namespace

TEST_CASE("two blocks that exchange statistics and totals equal one block on the whole batch") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (const int groups : {1, 2}) {
        INFO("groups " << groups << ", " << name_of(dtype) << ", " << to_string(device));
        const BlockConfig config = normed(groups, dtype);
        BlockConfig half = config;
        half.input = config.input.with_rows(config.input[0] / kRanks);
        half.norm_statistics = NormStatistics::exchanged;
        const auto plan = plan_if_possible(plan_block, context, config);
        if (plan == nullptr) continue;
        const auto first_plan = plan_block(context, half), second_plan = plan_block(context, half);
        const Values input = reference::random_values(config.input, 1, dtype, 0.3);
        const Values weights =
            reference::random_values(config.conv.weight_shape(), 2, dtype, 0.0, 0.2);
        const Values doutput = reference::random_values(config.output(), 3, dtype);
        const BatchNormState state = random_state(config.conv.out_channels);

        const BlockOnDevice whole(context, config, *plan, input, weights, doutput, state);
        whole.plan.convolve(context, whole.forward_tensors());
        whole.plan.normalise(context, whole.forward_tensors());
        whole.plan.backward_sums(context, whole.backward_tensors());
        whole.plan.backward_apply(context, whole.backward_tensors());
        whole.backward_convolution();

        const auto rank_block = [&](BlockPlan& by, std::int64_t rank) {
          return BlockOnDevice(context, half, by, of_rank(input, groups, rank), weights,
                               of_rank(doutput, groups, rank), state);
        };
        const BlockOnDevice first = rank_block(*first_plan, 0);
        const BlockOnDevice second = rank_block(*second_plan, 1);
        run_two_ranks(first, second);

        // Both ways round the same sums in another order; what is stored rounds either.
        const std::int64_t rows = config.output().elements() / whole.channels / groups;
        const double sums = 8 * tolerance(DType::f32, rows);
        const double stored = 4 * tolerance(dtype, rows);
        std::int64_t rank = 0;
        for (const BlockOnDevice* block : {&first, &second}) {
          INFO("rank " << rank);
          CHECK(reference::relative_l2(block->invstd.read(), whole.invstd.read()) < sums);
          CHECK(reference::relative_l2(block->running_mean.read(), whole.running_mean.read()) <
                sums);
          CHECK(reference::relative_l2(block->running_var.read(), whole.running_var.read()) < sums);
          CHECK(reference::relative_l2(block->output.read(),
                                       of_rank(whole.output.read(), groups, rank)) < stored);
          CHECK(reference::relative_l2(block->dinput.read(),
                                       of_rank(whole.dinput.read(), groups, rank)) < stored);
          ++rank;
        }
        CHECK(reference::relative_l2(sum(first.dweights.read(), second.dweights.read()),
                                     whole.dweights.read()) < stored);
        CHECK(reference::relative_l2(sum(first.dnorm_weight.read(), second.dnorm_weight.read()),
                                     whole.dnorm_weight.read()) < sums);
        CHECK(reference::relative_l2(sum(first.dnorm_bias.read(), second.dnorm_bias.read()),
                                     whole.dnorm_bias.read()) < sums);
      }
    }
  }
}

TEST_CASE("a block asks for workspace of the passes that it is built for, and refuses the others") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    INFO(to_string(device));
    BlockConfig config = normed(1, DType::f32);
    config.passes = {/*forward=*/true, /*backward_data=*/false, /*backward_weights=*/true};
    const auto plan = plan_block(context, config);
    const BatchNormState state = random_state(16);
    const BlockOnDevice block(context, config, *plan, reference::random_values(config.input, 1),
                              reference::random_values(config.conv.weight_shape(), 2),
                              reference::random_values(config.output(), 3), state);
    block.plan.convolve(context, block.forward_tensors());
    block.plan.normalise(context, block.forward_tensors());
    block.plan.backward_sums(context, block.backward_tensors());  // the weights' gradient needs it
    block.plan.backward_apply(context, block.backward_tensors());
    BlockBackward tensors = block.backward_tensors();
    tensors.dinput = {};
    tensors.workspace = block.weights_scratch.view();
    block.plan.backward_weights(context, tensors);
    context.synchronize();
    CHECK(block.guards_intact());
    CHECK_THAT(
        thrown_by([&] { block.plan.backward_data(context, block.backward_tensors()); }).message,
        Contains("backward_data") && Contains("not planned"));

    config.passes = {/*forward=*/true, /*backward_data=*/false, /*backward_weights=*/false};
    const auto forward_only = plan_block(context, config);
    CHECK(forward_only->workspace_bytes(ConvPass::backward_data) == 0);
    CHECK(forward_only->workspace_bytes(ConvPass::backward_weights) == 0);
    CHECK_THAT(
        thrown_by([&] { forward_only->backward_sums(context, block.backward_tensors()); }).message,
        Contains("no backward pass"));
  }
}

TEST_CASE("a block says what does not fit") {
  const Context context(Device{});
  const auto error_of = [&](const BlockConfig& config) {
    return thrown_by([&] { plan_block(context, config); });
  };
  BlockConfig odd = normed(3, DType::f32);
  CHECK(error_of(odd).kind == ErrorKind::config);
  CHECK_THAT(error_of(odd).message, Contains("8 images") && Contains("3 groups"));
  BlockConfig bounded = normed(1, DType::f32);
  bounded.activation = {Activation::tanh};
  CHECK(error_of(bounded).kind == ErrorKind::config);
  CHECK_THAT(error_of(bounded).message, Contains("tanh"));

  const BlockConfig config = normed(2, DType::f32);
  const auto plan = plan_block(context, config);
  const BlockOnDevice block(context, config, *plan, reference::random_values(config.input, 1),
                            reference::random_values(config.conv.weight_shape(), 2),
                            reference::random_values(config.output(), 3), random_state(16));
  const auto forward_error = [&](const auto& spoil) {
    BlockForward tensors = block.forward_tensors();
    spoil(tensors);
    return thrown_by([&] {
             block.plan.convolve(context, tensors);
             block.plan.normalise(context, tensors);
           })
        .message;
  };
  CHECK_THAT(forward_error([](BlockForward& t) { t.conv_output = {}; }), Contains("conv_output"));
  CHECK_THAT(forward_error([](BlockForward& t) { t.workspace = {}; }),
             Contains("workspace has 0 bytes") && Contains("forward needs"));
  CHECK_THAT(forward_error([](BlockForward& t) { t.saved.mean = t.running.mean; }),
             Contains("saved.mean has shape [16]") && Contains("[2, 16]"));
  BlockBackward backward = block.backward_tensors();
  backward.dnorm_bias = {};
  CHECK_THAT(thrown_by([&] { block.plan.backward_sums(context, backward); }).message,
             Contains("dnorm_bias"));
  backward.doutput = {};
  CHECK_THAT(thrown_by([&] { block.plan.backward_apply(context, backward); }).message,
             Contains("doutput"));

  BlockConfig plain = config;
  plain.norm = Norm::none;
  const auto without_norm = plan_block(context, plain);
  CHECK_THAT(thrown_by([&] { plan->statistics(block.forward_tensors()); }).message,
             Contains("not exchanged"));
  CHECK_THAT(thrown_by([&] { without_norm->statistics(block.forward_tensors()); }).message,
             Contains("no statistics without a norm"));
  CHECK_THAT(thrown_by([&] { without_norm->totals(block.backward_tensors()); }).message,
             Contains("no totals without a norm"));
}

}  // namespace dcgan::test
