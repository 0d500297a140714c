#include "kernels/conv/conv.h"

#include <optional>

#include "tests/kernels/conv/support.h"

namespace dcgan::test {
namespace {

constexpr ConvType kDown = ConvType::convolution;
constexpr ConvType kUp = ConvType::transposed;

/// Runs the planned passes of a config; the others must refuse and ask for no workspace.
void check_planned(const Context& context, const ConvConfig& config, const Values& x,
                   const Values& weights, const Values& dy, const ConvRun& expected) {
  const auto plan = plan_convolution(context, config);
  const GuardedTensor x_on(context, x, config.dtype), weights_on(context, weights, config.dtype);
  const GuardedTensor dy_on(context, dy, config.dtype), y_on(context, dy.shape, config.dtype);
  const GuardedTensor dx_on(context, x.shape, config.dtype);
  const GuardedTensor dweights_on(context, weights.shape, DType::f32);
  const auto call = [&](ConvPass pass) {
    const GuardedTensor scratch = scratch_for(context, *plan, pass);
    const ConvBackward tensors{x_on.view(),  weights_on.view(),  y_on.view(),   dy_on.view(),
                               dx_on.view(), dweights_on.view(), scratch.view()};
    if (pass == ConvPass::forward) {
      plan->forward(context, {x_on.view(), weights_on.view(), y_on.view(), scratch.view()});
    }
    if (pass == ConvPass::backward_data) plan->backward_data(context, tensors);
    if (pass == ConvPass::backward_weights) plan->backward_weights(context, tensors);
    context.synchronize();
  };
  for (const auto& [name, pass] : enum_table(ConvPass{})) {
    if (config.passes.contain(pass)) {
      call(pass);
      continue;
    }
    CHECK(plan->workspace_bytes(pass) == 0);
    CHECK_THAT(thrown_by([&] { call(pass); }).message,
               Contains(std::string(name)) && Contains("not planned"));
  }
  CHECK(y_on.read().v == expected.y.v);
  if (config.passes.backward_data) CHECK(dx_on.read().v == expected.dx.v);
  if (config.passes.backward_weights) CHECK(dweights_on.read().v == expected.dweights.v);
}

void compare_case(const Context& context, const ConvCase& each, DType dtype) {
  const ConvConfig config = each.config(dtype);
  const auto plan = plan_if_possible(context, config);
  if (plan) compare(context, *plan, config);
}

void compare_candidates(const Context& context, const ConvConfig& config) {
  if (!plan_if_possible(context, config)) return;
  const std::vector<ConvCandidate>& candidates = conv_candidates(context);
  CHECK(candidates.back().fits(context, config));
  for (const ConvCandidate& candidate : candidates) {
    if (!candidate.fits(context, config)) continue;
    INFO(candidate.name);
    compare(context, *candidate.make(context, config), config);
  }
}

}  // namespace

TEST_CASE("convolution and its gradients equal the float64 loops on every device") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const ConvCase& each : conv_cases()) {
      compare_case(context, each, DType::f32);
      compare_case(context, each, DType::bf16);
    }
  }
}

TEST_CASE("every candidate that fits a shape computes it, and the last fits all") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const ConvCase& each : conv_cases()) {
      for (const DType dtype : {DType::f32, DType::bf16}) {
        compare_candidates(context, each.config(dtype));
      }
      ConvConfig tf32 = each.config(DType::f32);
      tf32.policy.allow_tf32 = true;
      if (context.is_cuda()) compare_candidates(context, tf32);
    }
  }
}

TEST_CASE("the reference's gradients of a convolution equal finite differences") {
  for (const ConvSpec spec : {ConvSpec{kDown, 2, 3, 3, 2, 1}, ConvSpec{kUp, 3, 2, 4, 2, 1}}) {
    const Values x = reference::random_values({2, 3, 4, spec.in_channels}, 4);
    const Values weights = reference::random_values(spec.weight_shape(), 5);
    const Values dy = reference::random_values(spec.output_shape(x.shape), 6);
    const auto gradients = reference::conv_gradients(spec, x, weights, dy);
    const auto by_x = reference::finite_differences(
        [&](const Values& v) { return reference::dot(reference::conv(spec, v, weights), dy); }, x);
    const auto by_weights = reference::finite_differences(
        [&](const Values& v) { return reference::dot(reference::conv(spec, x, v), dy); }, weights);
    // Linear in each argument: central differences are exact up to rounding / step = 1e-16 / 1e-5.
    CHECK(reference::relative_l2(gradients.dx, by_x) < 1e-8);
    CHECK(reference::relative_l2(gradients.dweights, by_weights) < 1e-8);
  }
}

TEST_CASE("a convolution's two gradients need only their own tensors, and come in any order") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const ConvSpec spec : {ConvSpec{kDown, 3, 16, 4, 2, 1}, ConvSpec{kDown, 16, 1, 4, 1, 0},
                                ConvSpec{kUp, 5, 8, 4, 1, 0}, ConvSpec{kUp, 8, 3, 4, 2, 1}}) {
      const std::int64_t extent = spec.padding == 0 ? (spec.type == kUp ? 1 : 4) : 8;
      const Shape input{2, extent, extent, spec.in_channels};
      const ConvConfig config{spec, {}, input, DType::f32};
      const auto plan = plan_convolution(context, config);
      const Values x = reference::random_values(input, 1);
      const Values weights = reference::random_values(spec.weight_shape(), 2);
      const Values dy = reference::random_values(spec.output_shape(input), 3);
      const ConvRun both = run_convolution(context, *plan, config, x, weights, dy);

      const GuardedTensor x_on(context, x, DType::f32), dy_on(context, dy, DType::f32);
      const GuardedTensor weights_on(context, weights, DType::f32);
      const GuardedTensor dx_on(context, input, DType::f32);
      const GuardedTensor dweights_on(context, weights.shape, DType::f32);
      const GuardedTensor data_scratch = scratch_for(context, *plan, ConvPass::backward_data);
      const GuardedTensor weights_scratch = scratch_for(context, *plan, ConvPass::backward_weights);
      plan->backward_data(context, {/*x=*/{}, weights_on.view(), /*y=*/{}, dy_on.view(),
                                    dx_on.view(), /*dweights=*/{}, data_scratch.view()});
      plan->backward_weights(context, {x_on.view(), /*weights=*/{}, /*y=*/{}, dy_on.view(),
                                       /*dx=*/{}, dweights_on.view(), weights_scratch.view()});
      CHECK(dx_on.read().v == both.dx.v);
      CHECK(dweights_on.read().v == both.dweights.v);
    }
  }
}

TEST_CASE("a convolution's plan has the passes that were wanted, with the same results") {
  const std::vector<ConvPasses> wanted = {
      {/*forward=*/true, /*backward_data=*/false, /*backward_weights=*/false},
      {/*forward=*/true, /*backward_data=*/true, /*backward_weights=*/false},
      {/*forward=*/true, /*backward_data=*/false, /*backward_weights=*/true}};
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const ConvSpec spec : {ConvSpec{kDown, 3, 16, 4, 2, 1}, ConvSpec{kDown, 16, 1, 4, 1, 0},
                                ConvSpec{kDown, 16, 5, 4, 2, 1}, ConvSpec{kUp, 5, 8, 4, 1, 0}}) {
      const std::int64_t extent = spec.padding == 0 ? (spec.type == kUp ? 1 : 4) : 8;
      ConvConfig config{spec, {}, {2, extent, extent, spec.in_channels}, DType::f32};
      const Values x = reference::random_values(config.input, 1);
      const Values weights = reference::random_values(spec.weight_shape(), 2);
      const Values dy = reference::random_values(spec.output_shape(config.input), 3);
      const auto all = plan_convolution(context, config);
      const ConvRun expected = run_convolution(context, *all, config, x, weights, dy);
      for (const ConvPasses& passes : wanted) {
        config.passes = passes;
        INFO(to_string(spec) << " on " << to_string(context.device()) << ", data "
                             << passes.backward_data << ", weights " << passes.backward_weights);
        check_planned(context, config, x, weights, dy, expected);
      }
    }
  }
}

TEST_CASE("a convolution gives the same bits twice") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    const ConvSpec spec{kDown, 16, 64, 4, 2, 1};
    const ConvConfig config{spec, {Activation::leaky_relu, 0.2f}, {7, 8, 8, 16}, DType::f32};
    const auto plan = plan_convolution(context, config);
    const Values x = reference::random_values(config.input, 1);
    const Values weights = reference::random_values(spec.weight_shape(), 2);
    const Values dy = reference::random_values(spec.output_shape(config.input), 3);
    const ConvRun first = run_convolution(context, *plan, config, x, weights, dy);
    const ConvRun second = run_convolution(context, *plan, config, x, weights, dy);
    CHECK(first.y.v == second.y.v);
    CHECK(first.dx.v == second.dx.v);
    CHECK(first.dweights.v == second.dweights.v);
  }
}

TEST_CASE("a convolution lets NaN through its activation") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const ConvSpec spec : {ConvSpec{kUp, 8, 3, 4, 2, 1}, ConvSpec{kUp, 8, 3, 4, 1, 0}}) {
      const std::int64_t extent = spec.padding == 0 ? 1 : 2;
      const ConvConfig config{spec, {Activation::tanh}, {1, extent, extent, 8}, DType::f32};
      const auto plan = plan_convolution(context, config);
      Values x = reference::random_values(config.input, 1);
      x[0] = NAN;
      const Values weights = reference::random_values(spec.weight_shape(), 2);
      const Values dy = reference::random_values(spec.output_shape(config.input), 3);
      CHECK(std::isnan(run_convolution(context, *plan, config, x, weights, dy).y[0]));
    }
  }
}

TEST_CASE("a convolution's shapes follow PyTorch's") {
  const ConvSpec down{kDown, 3, 64, 4, 2, 1};
  const ConvSpec up{kUp, 512, 256, 4, 2, 1};
  CHECK(down.output_shape({2, 64, 64, 3}) == Shape{2, 32, 32, 64});
  CHECK(down.output_shape({2, 7, 5, 3}) == Shape{2, 3, 2, 64});
  CHECK(up.output_shape({2, 4, 4, 512}) == Shape{2, 8, 8, 256});
  CHECK(ConvSpec{kUp, 100, 512, 4, 1, 0}.output_shape({2, 1, 1, 100}) == Shape{2, 4, 4, 512});
  CHECK(down.weight_shape() == Shape{64, 4, 4, 3});
  CHECK(up.weight_shape() == Shape{512, 4, 4, 256});
  CHECK(down.multiply_accumulates({1, 64, 64, 3}) == 3'145'728);
  CHECK(up.multiply_accumulates({1, 4, 4, 512}) == 33'554'432);
  CHECK(to_string(up) == "conv transposed 512->256 k4 s2 p1");
}

TEST_CASE("a convolution says what does not fit") {
  const Context context(Device{});
  const ConvSpec spec{kDown, 3, 8, 4, 2, 1};
  const auto plan_error = [&](ConvConfig config) {
    return thrown_by([&] { plan_convolution(context, config); });
  };
  const Thrown channels = plan_error({spec, {}, {1, 8, 8, 4}, DType::f32});
  CHECK(channels.kind == ErrorKind::config);
  CHECK_THAT(channels.message, Contains("[1, 8, 8, 4]") && Contains("(N, H, W, 3)"));
  const Thrown nothing = plan_error({{kDown, 3, 8, 4, 2, 0}, {}, {1, 2, 2, 3}, DType::f32});
  CHECK(nothing.kind == ErrorKind::config);
  CHECK_THAT(nothing.message, Contains("nothing is left"));
  CHECK_THAT(plan_error({{kDown, 3, 8, 4, 0, 0}, {}, {1, 8, 8, 3}, DType::f32}).message,
             Contains("stride 0"));
  CHECK_THAT(plan_error({spec, {}, {1, 8, 8, 3}, DType::f64}).message, Contains("f64"));

  const auto plan = plan_convolution(context, {spec, {}, {1, 8, 8, 3}, DType::f32});
  const GuardedTensor x(context, Shape{1, 8, 8, 3}, DType::f32);
  const GuardedTensor weights(context, Shape{8, 4, 4, 3}, DType::f32);
  const GuardedTensor y(context, Shape{1, 4, 4, 8}, DType::f32);
  const GuardedTensor workspace = scratch_for(context, *plan, ConvPass::forward);
  const auto forward_error = [&](ConstTensorView input, TensorView output, TensorView scratch) {
    return thrown_by([&] {
             plan->forward(context, {input, weights.view(), output, scratch});
           })
        .message;
  };
  CHECK_THAT(forward_error(y.view(), y.view(), workspace.view()), Contains("x has shape"));
  CHECK_THAT(forward_error({}, y.view(), workspace.view()), Contains("x is missing"));
  CHECK_THAT(
      forward_error({x.view().data, x.view().shape, DType::bf16}, y.view(), workspace.view()),
      Contains("x holds bf16, expected f32"));
  if (plan->workspace_bytes(ConvPass::forward) > 0) {
    CHECK_THAT(forward_error(x.view(), y.view(), {}), Contains("workspace has 0 bytes"));
  }
}

}  // namespace dcgan::test
