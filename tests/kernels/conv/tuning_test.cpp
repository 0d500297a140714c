// Plans whose passes are chosen by timing: on a GPU, or on the emulated device, where the reference
// loops stand for the library.
#include "runtime/base/build_config.h"
#include "tests/kernels/conv/support.h"
#include "tests/kernels/own_cache.h"

namespace dcgan::test {
namespace {

ConvConfig tuned(const ConvSpec& spec, const Shape& input, const ActivationSpec& activation,
                 DType dtype) {
  ConvConfig config{spec, activation, input, dtype};
  config.policy.tuning = ConvTuning::heuristic;
  return config;
}

const ActivationSpec kLeaky{Activation::leaky_relu, 0.2f};
const ConvSpec kFirstLayer{ConvType::convolution, 3, 16, 4, 2, 1};
const ConvSpec kLastLayer{ConvType::transposed, 16, 3, 4, 2, 1};

}  // namespace

TEST_CASE("a tuned plan chooses among the library and our kernels, and computes every pass") {
  for (const Device device : devices_under_test()) {
    if (device.type != DeviceType::cuda) continue;
    const OwnCache cache;
    const Context context(device);
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (const auto& [spec, extent] : {std::pair{kFirstLayer, 8},
                                         {kLastLayer, 4},
                                         {ConvSpec{ConvType::convolution, 16, 1, 4, 1, 0}, 4},
                                         {ConvSpec{ConvType::transposed, 5, 8, 4, 1, 0}, 1},
                                         {ConvSpec{ConvType::convolution, 8, 16, 4, 2, 1}, 8}}) {
        const ConvConfig config = tuned(spec, {2, extent, extent, spec.in_channels}, kLeaky, dtype);
        const auto plan = plan_convolution(context, config);
        compare(context, *plan, config);
        CHECK_THAT(plan->describe(), Contains("forward: ") && Contains("backward_data: ") &&
                                         Contains("backward_weights: "));
      }
    }
  }
}

TEST_CASE("choices are kept, and one that is damaged is made anew") {
  for (const Device device : devices_under_test()) {
    if (device.type != DeviceType::cuda) continue;
    const OwnCache cache;
    const Context context(device);
    const ConvConfig config = tuned(kFirstLayer, {2, 8, 8, 3}, kLeaky, DType::f32);
    CHECK_THAT(plan_convolution(context, config)->describe(), Contains("best of"));
    CHECK(cache.files() == 3);
    CHECK_THAT(plan_convolution(context, config)->describe(), !Contains("best of"));
    cache.keep("forward", "a damaged text");
    const auto plan = plan_convolution(context, config);
    CHECK_THAT(plan->describe(), Contains("best of") && Contains("cached choice passed over"));
    compare(context, *plan, config);
    CHECK(cache.files() == 3);
  }
}

TEST_CASE(
    "a plan with one gradient by the library and one by our kernels applies the derivative once") {
  if (!kEmulated) return;  // which of them is faster cannot be told in advance on a GPU
  const OwnCache cache;
  const Context context(devices_under_test().back());
  for (const DType dtype : {DType::f32, DType::bf16}) {
    for (const ConvSpec& spec : {kFirstLayer, kLastLayer}) {
      const ConvConfig config = tuned(spec, {2, 6, 6, spec.in_channels}, kLeaky, dtype);
      plan_convolution(context, config);
      const auto mixed = [&](const char* data, const char* weights) {
        cache.keep("backward_data", data);
        cache.keep("backward_weights", weights);
        const auto plan = plan_convolution(context, config);
        compare(context, *plan, config);
        return plan->describe();
      };
      CHECK_THAT(mixed("candidate small-channel", "emulated plan"),
                 Contains("backward_data: small-channel (cached)") &&
                     Contains("backward_weights: emulated convolution (cached)"));
      CHECK_THAT(mixed("emulated plan", "candidate small-channel"),
                 Contains("backward_data: emulated convolution (cached)") &&
                     Contains("backward_weights: small-channel (cached)"));
      mixed("candidate small-channel", "candidate small-channel");
      mixed("emulated plan", "emulated plan");
      cache.clear();
    }
  }
}

TEST_CASE("convolutions on tensor cores are chosen by time alone, and compared with the library") {
  if (!kEmulated) return;  // which is fastest cannot be told in advance on a GPU
  const OwnCache cache;
  const Context context(devices_under_test().back());
  // 32 channels are for one size of tiles: few candidates, which the emulator times slowly.
  const ConvSpec spec{ConvType::convolution, 32, 32, 4, 2, 1};
  const ConvConfig config = tuned(spec, {1, 4, 6, 32}, kLeaky, DType::bf16);
  ConvConfig untimed = config;
  untimed.policy.tuning = ConvTuning::off;
  CHECK_THAT(plan_convolution(context, untimed)->describe(), !Contains("tensor core"));
  CHECK_THAT(plan_convolution(context, config)->describe(),
             Contains("best of 2") && !Contains("passed over"));
  cache.keep("forward", "candidate tensor core 64x64 shallow");
  cache.keep("backward_data", "candidate tensor core 64x64 shallow");
  cache.keep("backward_weights", "emulated plan");
  const auto plan = plan_convolution(context, config);
  CHECK_THAT(plan->describe(), Contains("forward: tensor core 64x64 shallow (cached)") &&
                                   Contains("backward_data: tensor core 64x64 shallow (cached)") &&
                                   Contains("backward_weights: emulated convolution (cached)"));
  compare(context, *plan, config);
}

TEST_CASE("only the wanted passes are tuned") {
  for (const Device device : devices_under_test()) {
    if (device.type != DeviceType::cuda) continue;
    const OwnCache cache;
    const Context context(device);
    ConvConfig config = tuned(kFirstLayer, {2, 8, 8, 3}, kLeaky, DType::f32);
    config.passes = {/*forward=*/true, /*backward_data=*/true, /*backward_weights=*/false};
    CHECK_THAT(plan_convolution(context, config)->describe(), !Contains("backward_weights"));
    CHECK(cache.files() == 2);
  }
}

}  // namespace dcgan::test
