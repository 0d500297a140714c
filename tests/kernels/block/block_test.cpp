// Every candidate of a block against float64, call by call: what a call reads is what the calls
// before it have stored, so that each tolerance is of one call, and no activation's mask depends on
// rounding.
#include "tests/kernels/block/support.h"

namespace dcgan::test {
namespace {

constexpr ConvType kDown = ConvType::convolution;
constexpr ConvType kUp = ConvType::transposed;
const ActivationSpec kRelu{Activation::relu};
const ActivationSpec kLeaky{Activation::leaky_relu, 0.2f};
const ActivationSpec kTanh{Activation::tanh};

struct Case {
  ConvSpec conv;
  Shape input;
  Norm norm;
  ActivationSpec activation;
};

std::vector<Case> cases() {
  return {
      {{kUp, 10, 24, 4, 1, 0}, {6, 1, 1, 10}, Norm::batch, kRelu},     // gemm stem
      {{kDown, 16, 32, 4, 2, 1}, {4, 8, 8, 16}, Norm::batch, kLeaky},  // 16-byte rows
      {{kDown, 5, 7, 3, 1, 1}, {6, 7, 5, 5}, Norm::batch, kRelu},      // none
      {{kUp, 24, 16, 4, 2, 1}, {4, 4, 4, 24}, Norm::batch, kRelu},
      {{kUp, 24, 16, 4, 2, 1}, {4, 4, 4, 24}, Norm::none, kRelu},
      {{kDown, 64, 64, 4, 2, 1}, {2, 8, 8, 64}, Norm::batch, kLeaky},
      {{kDown, 3, 16, 4, 2, 1}, {2, 16, 16, 3}, Norm::none, kLeaky},  // images of few channels
      {{kDown, 1, 8, 4, 2, 1}, {2, 12, 10, 1}, Norm::batch, kLeaky},
      {{kUp, 16, 3, 4, 2, 1}, {2, 8, 8, 16}, Norm::none, kTanh},
      {{kDown, 64, 1, 4, 1, 0}, {6, 4, 4, 64}, Norm::none, {}},  // gemv head
  };
}

/// A call of test(block on a device, reference state) for each case, device, type and group count.
template <class Test>
void for_each_block(const Test& test) {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (const Case& one : cases()) {
        for (const int groups : {1, 2}) {
          if (one.norm == Norm::none && groups > 1) continue;
          const BlockConfig config{one.conv, one.norm, one.activation, one.input, groups, dtype};
          for (const BlockCandidate& candidate : block_candidates()) {
            if (!candidate.fits(context, config)) continue;
            INFO(candidate.name << ", " << to_string(one.conv) << " on " << to_string(one.input)
                                << (one.norm == Norm::batch ? ", batch norm" : "") << ", groups "
                                << groups << ", " << name_of(dtype) << ", " << to_string(device));
            const auto plan = plan_if_possible(context, config);
            if (plan == nullptr) continue;
            const BatchNormState state = random_state(one.conv.out_channels);
            const BlockOnDevice block(
                context, config, *plan, reference::random_values(one.input, 1, dtype),
                reference::random_values(one.conv.weight_shape(), 2, dtype, 0.0, 0.2),
                reference::random_values(config.output(), 3, dtype), state);
            test(block, state);
            CHECK(block.guards_intact());
          }
        }
      }
    }
  }
}

/// Products behind one element of each result.
struct Terms {
  std::int64_t output, dinput, dweights;

  explicit Terms(const BlockConfig& config)
      : output(std::int64_t{config.conv.kernel} * config.conv.kernel * config.conv.in_channels),
        dinput(std::int64_t{config.conv.kernel} * config.conv.kernel * config.conv.out_channels),
        dweights(std::max(config.input.elements() / config.conv.in_channels,
                          config.output().elements() / config.conv.out_channels)) {}
};

/// Without a norm an activation may be a pass of its own, which rounds once more.
double roundings(const BlockConfig& config) { return config.norm == Norm::none ? 2.0 : 1.0; }

void check_convolution(const BlockOnDevice& block) {
  const BlockConfig& config = block.config;
  const Values expected = reference::conv(config.conv, block.input.read(), block.weights.read());
  const double bound = roundings(config) * tolerance(config.dtype, Terms(config).output);
  if (block.has_norm()) {
    CHECK(reference::relative_l2(block.conv_output.read(), expected) < bound);
  } else {
    CHECK(reference::relative_l2(block.output.read(),
                                 reference::activate(config.activation, expected)) < bound);
  }
}

/// The forward pass as float64 continues from what the device has stored.
reference::Block continued(const BlockOnDevice& block, BatchNormState& state) {
  if (!block.has_norm()) return {{}, block.output.read(), {}};
  return reference::block_after_convolution(block.config, block.conv_output.read(), state);
}

/// Few rows: (x - mean) * invstd amplifies the rounding of the mean.
double norm_bound(const BlockConfig& config) {
  const std::int64_t rows =
      config.output().elements() / config.conv.out_channels / config.norm_groups;
  return (rows < 8 ? 8.0 : 2.0) * tolerance(config.dtype, rows);
}

void check_norm(const BlockOnDevice& block, const reference::Block& expected,
                const BatchNormState& after) {
  const BlockConfig& config = block.config;
  const double sums = tolerance(DType::f32, Terms(config).dweights);
  CHECK(reference::relative_l2(block.output.read(), expected.output) < norm_bound(config));
  CHECK(reference::relative_l2(block.mean.read(), expected.norm.mean) < 16 * sums);
  CHECK(reference::relative_l2(block.invstd.read(), expected.norm.invstd) < 2 * sums);
  CHECK(reference::relative_l2(block.running_mean.read(), after.running_mean) < 8 * sums);
  CHECK(reference::relative_l2(block.running_var.read(), after.running_var) < 4 * sums);
  CHECK(block.tracked.read()[0] == static_cast<double>(after.batches_tracked));
}

void check_norm_gradients(const BlockOnDevice& block, const reference::Block& forward,
                          const reference::BlockGradients& expected, const Values& doutput) {
  const double sums = 8 * tolerance(DType::f32, Terms(block.config).dweights);
  CHECK(reference::relative_l2(block.dnorm_weight.read(), expected.dnorm_weight) < sums);
  CHECK(reference::relative_l2(block.dnorm_bias.read(), expected.dnorm_bias) < sums);
  // What is left after two means are taken away: relative to doutput, not to itself.
  Values error = block.doutput.read();
  for (std::int64_t i = 0; i < error.elements(); ++i) error[i] -= expected.dconv_output[i];
  const double scale = reference::l2_norm(doutput) * forward.norm.invstd[0];
  CHECK(reference::l2_norm(error) / scale < 2 * norm_bound(block.config));
}

}  // namespace

TEST_CASE("a block's forward pass and every gradient equal the float64 loops on every device") {
  for_each_block([](const BlockOnDevice& block, BatchNormState state) {
    const BatchNormState before = state;
    const BlockConfig& config = block.config;
    const Values doutput = block.doutput.read();
    block.plan.convolve(block.context, block.forward_tensors());
    block.plan.normalise(block.context, block.forward_tensors());
    check_convolution(block);
    const reference::Block forward = continued(block, state);
    if (block.has_norm()) check_norm(block, forward, state);

    block.plan.backward_sums(block.context, block.backward_tensors());
    block.plan.backward_apply(block.context, block.backward_tensors());
    const auto expected = reference::block_gradients(
        config, block.input.read(), block.weights.read(), before, forward, doutput);
    if (block.has_norm()) check_norm_gradients(block, forward, expected, doutput);
    const Values dconv_output = block.has_norm() ? block.doutput.read() : expected.dconv_output;
    block.backward_convolution();
    const auto conv = reference::conv_gradients(config.conv, block.input.read(),
                                                block.weights.read(), dconv_output);
    const Terms terms(config);
    CHECK(reference::relative_l2(block.dinput.read(), conv.dx) <
          roundings(config) * tolerance(config.dtype, terms.dinput));
    CHECK(reference::relative_l2(block.dweights.read(), conv.dweights) <
          roundings(config) * tolerance(config.dtype, terms.dweights));
  });
}

TEST_CASE("a block's inference uses the running statistics and changes nothing else") {
  for_each_block([](const BlockOnDevice& block, const BatchNormState& state) {
    BlockForward tensors = block.forward_tensors();
    const auto saved = block.mean.raw();
    block.plan.infer(block.context, tensors);
    check_convolution(block);
    if (!block.has_norm()) return;
    const Values expected =
        reference::batch_norm_eval(block.conv_output.read(), state, block.config.norm_options());
    CHECK(reference::relative_l2(block.output.read(), expected) < tolerance(block.config.dtype, 1));
    CHECK(block.running_mean.read().v == state.running_mean.v);
    CHECK(block.running_var.read().v == state.running_var.v);
    CHECK(block.tracked.read()[0] == static_cast<double>(state.batches_tracked));
    CHECK(block.mean.raw() == saved);
    const auto apart = block.output.raw();
    tensors.output = tensors.conv_output;
    block.plan.infer(block.context, tensors);
    CHECK(block.conv_output.raw() == apart);
  });
}

TEST_CASE("the reference's gradients of a block equal finite differences") {
  for (const Norm norm : {Norm::batch, Norm::none}) {
    const BlockConfig config{{kDown, 2, 3, 3, 2, 1}, norm, norm == Norm::batch ? kLeaky : kTanh,
                             {4, 5, 4, 2},           2,    DType::f64};
    const Values input = reference::random_values(config.input, 1, DType::f64);
    const Values weights =
        reference::random_values(config.conv.weight_shape(), 2, DType::f64, 0.0, 0.3);
    const Values doutput = reference::random_values(config.output(), 3, DType::f64);
    const BatchNormState start = random_state(3);
    const auto value = [&](const Values& x, const Values& w, const BatchNormState& from) {
      BatchNormState state = from;
      return reference::dot(reference::block_train(config, x, w, state).output, doutput);
    };
    const auto numeric = [&](const Values& at, const auto& with) {
      return reference::finite_differences(with, at);
    };
    BatchNormState state = start;
    const auto forward = reference::block_train(config, input, weights, state);
    const auto gradients =
        reference::block_gradients(config, input, weights, start, forward, doutput);
    // Truncation step^2 = 1e-10, rounding 1e-16 / 1e-5 = 1e-11; no value lies within a step of the
    // kink for this seed.
    const auto by_input = numeric(input, [&](const Values& v) { return value(v, weights, start); });
    const auto by_weights =
        numeric(weights, [&](const Values& v) { return value(input, v, start); });
    CHECK(reference::relative_l2(gradients.dinput, by_input) < 1e-7);
    CHECK(reference::relative_l2(gradients.dweights, by_weights) < 1e-7);
    if (norm == Norm::none) continue;
    const auto by_norm_weight = numeric(start.weight, [&](const Values& v) {
      BatchNormState moved = start;
      moved.weight = v;
      return value(input, weights, moved);
    });
    const auto by_norm_bias = numeric(start.bias, [&](const Values& v) {
      BatchNormState moved = start;
      moved.bias = v;
      return value(input, weights, moved);
    });
    CHECK(reference::relative_l2(gradients.dnorm_weight, by_norm_weight) < 1e-7);
    CHECK(reference::relative_l2(gradients.dnorm_bias, by_norm_bias) < 1e-7);
  }
}

}  // namespace dcgan::test
