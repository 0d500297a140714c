// Batch norm folded into a convolution: the folded numbers, and the block that they make.
#include "kernels/block/fold.h"

#include "tests/cases/conv.h"
#include "tests/kernels/block/support.h"
#include "tests/reference/tolerance.h"

namespace dcgan::test {
namespace {

struct FoldOnDevice {
  FoldOnDevice(const Context& context, const ConvSpec& conv, DType dtype, const Values& values,
               const BatchNormState& state)
      : weights(context, values, DType::f32),
        norm_weight(context, state.weight, DType::f32),
        norm_bias(context, state.bias, DType::f32),
        mean(context, state.running_mean, DType::f32),
        var(context, state.running_var, DType::f32),
        folded(context, values.shape, dtype),
        bias(context, Shape{conv.out_channels}, DType::f32) {}
  NormFold tensors() const {
    return {weights.view(),
            {norm_weight.view(), norm_bias.view()},
            {mean.view(), var.view(), {}},
            folded.view(),
            bias.view()};
  }
  Comparison guards() const {
    return guard_bytes({&weights, &norm_weight, &norm_bias, &mean, &var, &folded, &bias});
  }
  GuardedTensor weights, norm_weight, norm_bias, mean, var, folded, bias;
};

double scale_of(const BatchNormState& state, std::int64_t channel) {
  return state.weight[channel] /
         std::sqrt(state.running_var[channel] + static_cast<double>(BatchNormOptions{}.epsilon));
}

}  // namespace

TEST_CASE("a fold multiplies each output channel's weights and makes its bias") {
  constexpr ConvType kDown = ConvType::convolution, kUp = ConvType::transposed;
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const DType dtype : {DType::f32, DType::bf16}) {
      // The last has more weights than a grid has threads.
      for (const ConvSpec& conv : {ConvSpec{kDown, 3, 5, 4, 2, 1}, ConvSpec{kUp, 3, 5, 4, 2, 1},
                                   ConvSpec{kUp, 7, 1, 3, 1, 0}, ConvSpec{kDown, 1, 300, 1, 1, 0},
                                   ConvSpec{kUp, 300, 257, 4, 2, 1}}) {
        const Report report = assertions(to_string(conv) + ", " + std::string(name_of(dtype)) +
                                         ", " + to_string(device));
        const BatchNormState state = random_state(conv.out_channels);
        const Values weights = reference::random_values(conv.weight_shape(), 3, DType::f32);
        const FoldOnDevice fold(context, conv, dtype, weights, state);
        fold_norm(context, conv, fold.tensors());
        Values folded = weights, bias({conv.out_channels});
        const std::int64_t channels = conv.out_channels;
        const std::int64_t run = conv.type == kUp ? 1 : weights.elements() / channels;
        for (std::int64_t i = 0; i < weights.elements(); ++i) {
          folded[i] *= scale_of(state, i / run % channels);
        }
        for (std::int64_t c = 0; c < channels; ++c) {
          bias[c] = state.bias[c] - state.running_mean[c] * scale_of(state, c);
        }
        report(relative("folded", fold.folded.read(), folded, reference::tolerance(dtype, 1)));
        report(relative("bias", fold.bias.read(), bias, reference::tolerance(DType::f32, 1)));
        report(exactly("weights", fold.weights.read(), weights));
        report(fold.guards());
      }
    }
  }
}

TEST_CASE("a folded block computes the inference of the block with its norm") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (const BlockCase& one : block_cases()) {
        if (one.norm == Norm::none || one.norm_groups != 1) continue;
        BlockConfig config = one.config(dtype);
        const BlockConfig normed = config;
        config.norm = Norm::none;
        config.bias = ConvBias::per_channel;
        config.passes = {true, false, false};
        std::unique_ptr<BlockPlan> plan = plan_if_possible(plan_block, context, config);
        if (plan == nullptr) continue;
        const BatchNormState state = random_state(config.conv.out_channels);
        const Values input = reference::random_values(config.input, 1, dtype);
        const Values weights =
            reference::random_values(config.conv.weight_shape(), 2, DType::f32, 0.0, 0.2);
        const FoldOnDevice fold(context, config.conv, dtype, weights, state);
        fold_norm(context, config.conv, fold.tensors());
        const GuardedTensor x(context, input, dtype), y(context, config.output(), dtype);
        const GuardedTensor scratch(
            context, Shape{static_cast<std::int64_t>(plan->workspace_bytes(ConvPass::forward))},
            DType::u8);
        BlockForward tensors;
        tensors.input = x.view();
        tensors.weights = fold.folded.view();
        tensors.bias = fold.bias.view();
        tensors.output = y.view();
        tensors.workspace = scratch.view();
        plan->infer(context, tensors);
        const Values expected = reference::batch_norm_eval(
            reference::conv(config.conv, input, weights), state, normed.norm_options());
        const Report report = assertions(to_string(one) + ", " + std::string(name_of(dtype)) +
                                         ", " + to_string(device));
        // Rounded when folded, when the convolution is stored and behind the bias.
        const std::int64_t terms =
            std::int64_t{config.conv.kernel} * config.conv.kernel * config.conv.in_channels;
        report(relative("output", y.read(), expected, 4 * reference::tolerance(dtype, terms)));
        report(guard_bytes({&x, &y, &scratch}));
      }
    }
  }
}

TEST_CASE("a bias beside a norm is refused, and a fold of other shapes") {
  const Context context(Device{});
  BlockConfig config{{ConvType::transposed, 4, 3, 4, 2, 1}, Norm::batch, {}, {2, 4, 4, 4}};
  config.passes = {true, false, false};
  config.bias = ConvBias::per_channel;
  CHECK_THAT(thrown_by([&] { plan_block(context, config); }).message, Contains("bias beside"));
  const ConvSpec other{ConvType::transposed, 4, 2, 4, 2, 1};
  const FoldOnDevice fold(context, config.conv, DType::f32,
                          reference::random_values(config.conv.weight_shape(), 1), random_state(3));
  CHECK_THAT(thrown_by([&] { fold_norm(context, other, fold.tensors()); }).message,
             Contains("fold_norm: weights"));
}

}  // namespace dcgan::test
