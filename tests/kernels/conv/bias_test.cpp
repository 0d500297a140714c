// The bias of a convolution for inference.
#include <array>
#include <string>

#include "kernels/conv/cuda/plans.h"
#include "runtime/base/build_config.h"
#include "tests/kernels/conv/support.h"

namespace dcgan::test {
namespace {

/// The library's plans for a config, as many as are timed; and the first with the bias inside and
/// the first without again from their keys.
[[maybe_unused]] void check_library_plans(const Context& context, const ConvConfig& config) {
  const auto plans = cuda::library_plans(context, config);
  std::array<int, 2> found{};  // after, inside
  while (true) {
    const cuda::PassPlan each = plans->next();
    if (!each.plan) break;
    const bool inside = each.name.find("bias inside") != std::string::npos;
    const std::string what = to_string(config.spec) + " on " + to_string(config.input) + ", " +
                             std::string(name_of(config.dtype)) + ", " + each.name;
    check_convolution_bias(context, config, *each.plan, assertions(what));
    if (found[inside ? 1 : 0]++ > 0) continue;
    INFO(what);
    if (each.key.empty()) {
      WARN(what << ": cannot be kept");
      continue;
    }
    const cuda::PassPlan kept = plans->restore(each.key);
    REQUIRE(kept.plan);
    CHECK((kept.name.find("bias inside") != std::string::npos) == inside);
    check_convolution_bias(context, config, *kept.plan, assertions(what + ", kept"));
  }
  INFO(to_string(config.spec));
  CHECK(found[0] > 0);
  CHECK((found[1] > 0) == !kEmulated);  // the emulated library adds every bias after
}

}  // namespace

TEST_CASE("each plan of the library adds a bias, inside or after, also when it was kept") {
  if constexpr (kHasCuda) {
    for (const Device device : devices_under_test()) {
      if (device.type != DeviceType::cuda) continue;
      const Context context(device);
      const ActivationSpec relu{Activation::relu};
      for (const DType dtype : {DType::f32, DType::bf16}) {
        for (ConvConfig config :
             {ConvConfig{{ConvType::transposed, 512, 256, 4, 2, 1}, relu, {2, 4, 4, 512}, dtype},
              ConvConfig{{ConvType::transposed, 128, 64, 4, 2, 1}, relu, {1, 16, 16, 128}, dtype},
              ConvConfig{{ConvType::transposed, 100, 512, 4, 1, 0}, relu, {2, 1, 1, 100}, dtype},
              ConvConfig{{ConvType::convolution, 64, 128, 4, 2, 1}, {}, {1, 16, 16, 64}, dtype}}) {
          config.passes = {true, false, false};
          config.bias = ConvBias::per_channel;
          config.policy.tuning = ConvTuning::heuristic;
          check_library_plans(context, config);
        }
      }
    }
  }
}

TEST_CASE("a bias is added by the plan and by every candidate that fits one") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const ConvCase& each : conv_cases()) {
      for (const DType dtype : {DType::f32, DType::bf16}) {
        ConvConfig config = each.config(dtype);
        config.passes = {true, false, false};
        config.bias = ConvBias::per_channel;
        const auto plan = plan_if_possible(context, config);
        if (!plan) continue;
        const std::string what =
            to_string(each) + ", " + std::string(name_of(dtype)) + ", " + to_string(device) + ", ";
        check_convolution_bias(context, config, *plan, assertions(what + "the plan"));
        CHECK(conv_candidates(context).back().fits(context, config));
        for (const ConvCandidate& candidate : conv_candidates(context)) {
          if (!candidate.fits(context, config)) continue;
          check_convolution_bias(context, config, *candidate.make(context, config),
                                 assertions(what + std::string(candidate.name)));
        }
      }
    }
  }
}

TEST_CASE("a bias is planned for inference only, and is there when it is planned") {
  const Context context(Device{});
  ConvConfig config{{ConvType::transposed, 5, 8, 4, 2, 1}, {}, {1, 4, 4, 5}, DType::f32};
  config.bias = ConvBias::per_channel;
  CHECK_THAT(thrown_by([&] { plan_convolution(context, config); }).message,
             Contains("bias has no backward"));
  const GuardedTensor x(context, config.input, DType::f32);
  const GuardedTensor weights(context, config.spec.weight_shape(), DType::f32);
  const GuardedTensor y(context, config.spec.output_shape(config.input), DType::f32);
  const GuardedTensor bias(context, Shape{8}, DType::f32);
  config.passes = {true, false, false};
  const auto with = plan_convolution(context, config);
  config.bias = ConvBias::none;
  const auto without = plan_convolution(context, config);
  const auto error = [&](ConvPlan& plan, ConstTensorView given) {
    const GuardedTensor scratch = scratch_for(context, plan, ConvPass::forward);
    return thrown_by([&] {
             plan.forward(context, {x.view(), weights.view(), y.view(), scratch.view(), given});
           })
        .message;
  };
  CHECK_THAT(error(*with, {}), Contains("bias is missing"));
  CHECK_THAT(error(*without, bias.view()), Contains("bias that was not planned"));
}

}  // namespace dcgan::test
