// The bias of a convolution for inference.
#include "tests/kernels/conv/support.h"

namespace dcgan::test {

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
