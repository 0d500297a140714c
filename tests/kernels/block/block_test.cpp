// Every candidate of a block against float64, call by call.
#include "tests/kernels/block/support.h"

namespace dcgan::test {
namespace {

const ActivationSpec kLeaky{Activation::leaky_relu, 0.2f};
const ActivationSpec kTanh{Activation::tanh};

/// A call of test(context, config, plan, where) for each device, type, case and candidate that
/// fits.
template <class Test>
void for_each_block(const Test& test) {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (const BlockCase& one : block_cases()) {
        const BlockConfig config = one.config(dtype);
        for (const BlockCandidate& candidate : block_candidates()) {
          if (!candidate.fits(context, config)) continue;
          const auto plan = plan_if_possible(candidate.make, context, config);
          if (plan == nullptr) continue;
          test(context, config, *plan,
               std::string(candidate.name) + ", " + to_string(one) + ", " +
                   std::string(name_of(dtype)) + ", " + to_string(device));
        }
      }
    }
  }
}

}  // namespace

TEST_CASE("a block's forward pass and every gradient equal the float64 loops on every device") {
  for_each_block([](const Context& context, const BlockConfig& config, BlockPlan& plan,
                    const std::string& where) {
    check_block_training(context, config, plan, assertions(where));
  });
}

TEST_CASE("a block's inference uses the running statistics and changes nothing else") {
  for_each_block([](const Context& context, const BlockConfig& config, BlockPlan& plan,
                    const std::string& where) {
    check_block_inference(context, config, plan, assertions(where));
  });
}

TEST_CASE("a block's inference leaves the saved statistics, and its output may be conv_output") {
  for_each_block([](const Context& context, const BlockConfig& config, BlockPlan& plan,
                    const std::string& where) {
    if (config.norm == Norm::none) return;
    INFO(where);
    const BlockOnDevice block(
        context, config, plan, reference::random_values(config.input, 1, config.dtype),
        reference::random_values(config.conv.weight_shape(), 2, config.dtype, 0.0, 0.2),
        reference::random_values(config.output(), 3, config.dtype),
        random_state(config.conv.out_channels));
    BlockForward tensors = block.forward_tensors();
    const auto saved = block.mean.raw();
    plan.infer(context, tensors);
    CHECK(block.mean.raw() == saved);
    const auto apart = block.output.raw();
    tensors.output = tensors.conv_output;
    plan.infer(context, tensors);
    CHECK(block.conv_output.raw() == apart);
    CHECK(block.guards_intact());
  });
}

TEST_CASE("the reference's gradients of a block equal finite differences") {
  for (const Norm norm : {Norm::batch, Norm::none}) {
    const BlockConfig config{{ConvType::convolution, 2, 3, 3, 2, 1},
                             norm,
                             norm == Norm::batch ? kLeaky : kTanh,
                             {4, 5, 4, 2},
                             2,
                             DType::f64};
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
