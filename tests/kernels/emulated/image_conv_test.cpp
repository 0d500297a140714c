// The layers with an image of 1 or 3 channels on tensor cores, at the limits of their kernels:
// several tiles, strips and chunks, tiles that end inside of the features, batches that make every
// block loop. In each order of threads and blocks, which is also the order of a product's
// additions: results may differ in their last bits, and must agree with float64 in each.
#include <string>
#include <vector>

#include "kernels/conv/cuda/plans.h"
#include "tests/emulator/grid/grid.h"
#include "tests/kernels/conv/support.h"

namespace dcgan::test {
namespace {

const Device kGpu{DeviceType::cuda, 0};
const ActivationSpec kLeaky{Activation::leaky_relu, 0.2f};
const ActivationSpec kTanh{Activation::tanh};

/// A discriminator's first layer.
ConvConfig first_layer(const Shape& image, std::int64_t features) {
  return {{ConvType::convolution, image[3], features, 4, 2, 1}, kLeaky, image, DType::bf16};
}
/// A generator's last layer.
ConvConfig last_layer(const Shape& input, std::int64_t channels) {
  return {{ConvType::transposed, input[3], channels, 4, 2, 1}, kTanh, input, DType::bf16};
}

/// f32 with TF32 factors.
ConvConfig in_tf32(ConvConfig config) {
  config.dtype = DType::f32;
  config.policy.allow_tf32 = true;
  return config;
}

ConvRun run(const Context& context, const ConvConfig& config) {
  const auto plan = cuda::plan_small_channel_tensor(context, config);
  return run_convolution(
      context, *plan, config, reference::random_values(config.input, 1, config.dtype),
      reference::random_values(config.spec.weight_shape(), 2, config.dtype, 0.0, 0.2),
      reference::random_values(config.spec.output_shape(config.input), 3, config.dtype));
}

void check_in_every_order(const ConvConfig& config) {
  using emulator::ThreadOrder;
  const Context context(kGpu);
  for (const ThreadOrder order :
       {ThreadOrder::forward, ThreadOrder::reverse, ThreadOrder::random}) {
    INFO("order " << static_cast<int>(order));
    emulator::set_order(order);
    for (const ConvConfig& each : {config, in_tf32(config)}) {
      compare(context, *cuda::plan_small_channel_tensor(context, each), each);
    }
  }
  emulator::set_order(ThreadOrder::forward);
}

}  // namespace

TEST_CASE("first layers on tensor cores agree with float64 in any thread order") {
  check_in_every_order(first_layer({3, 12, 36, 3}, 72));  // tiles: 2 x 2 of pixels, 2 of features
  check_in_every_order(first_layer({1, 28, 28, 1}, 16));
  check_in_every_order(first_layer({2, 34, 6, 1}, 136));  // 3 tiles or chunks of features
  check_in_every_order(first_layer({1, 2, 68, 3}, 8));
  check_in_every_order(first_layer({2, 20, 80, 3}, 16));  // rows of whole 16 bytes, 3 tiles across
}

TEST_CASE("last layers on tensor cores agree with float64 in any thread order") {
  check_in_every_order(last_layer({5, 14, 14, 24}, 1));
  check_in_every_order(last_layer({3, 9, 18, 72}, 3));
  check_in_every_order(last_layer({2, 9, 40, 8}, 3));    // rows of whole 16 bytes
  check_in_every_order(last_layer({1, 2, 130, 8}, 3));   // 3 strips of 64 columns
  check_in_every_order(last_layer({1, 3, 64, 136}, 1));  // 3 chunks of features, 5 in TF32
}

TEST_CASE("layers on tensor cores agree with float64 when every block has several tiles") {
  const Context context(kGpu);
  // At most 396 or 528 blocks: some have three tiles. Last layers: of one strip, which share rows,
  // and of the next image's, for each width of a strip.
  for (const ConvConfig& config :
       {first_layer({800, 6, 2, 1}, 8), in_tf32(last_layer({1100, 3, 1, 8}, 3)),
        last_layer({440, 18, 1, 8}, 1), last_layer({330, 9, 18, 8}, 1),
        last_layer({300, 5, 34, 8}, 1)}) {
    compare(context, *cuda::plan_small_channel_tensor(context, config), config);
  }
}

TEST_CASE("layers on tensor cores give the same bits twice") {
  const Context context(kGpu);
  for (const ConvConfig& config :
       {first_layer({7, 20, 36, 3}, 64), last_layer({7, 10, 18, 64}, 3)}) {
    for (const ConvConfig& each : {config, in_tf32(config)}) {
      const ConvRun first = run(context, each);
      const ConvRun second = run(context, each);
      CHECK(first.y.v == second.y.v);
      CHECK(first.dx.v == second.dx.v);
      CHECK(first.dweights.v == second.dweights.v);
    }
  }
}

TEST_CASE("tensor cores are the first choice for the image layers of networks, and only for them") {
  const Context context(kGpu);
  const auto described = [&](const ConvConfig& config) {
    return plan_convolution(context, config)->describe();
  };
  const std::string tensor = "on tensor cores";
  for (const ConvConfig& config : {first_layer({2, 8, 8, 3}, 64), last_layer({2, 14, 14, 64}, 1)}) {
    CHECK_THAT(described(config), Contains(tensor));
    CHECK_THAT(described(in_tf32(config)), Contains(tensor));
    ConvConfig exact = in_tf32(config);
    exact.policy.allow_tf32 = false;
    CHECK_THAT(described(exact), Contains("small-channel") && !Contains(tensor));
  }
  ConvConfig narrow = first_layer({2, 8, 8, 3}, 64);
  narrow.spec.kernel = 3;
  for (const ConvConfig& config : {first_layer({2, 8, 8, 2}, 64), first_layer({2, 8, 8, 3}, 12),
                                   first_layer({2, 7, 8, 3}, 64), narrow}) {
    CHECK_THAT(described(config), Contains("small-channel") && !Contains(tensor));
    CHECK(thrown_by([&] { cuda::plan_small_channel_tensor(context, config); }).kind ==
          ErrorKind::internal);
  }
}

}  // namespace dcgan::test
