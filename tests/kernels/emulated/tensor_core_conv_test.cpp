// Our convolutions on tensor cores against float64, pass by pass: several tiles and splits of each,
// tiles and splits that end outside, every stage of a pipeline several times, and three orders of
// threads and blocks.
#include "kernels/conv/cuda/tensor_core_conv.h"

#include <array>

#include "kernels/conv/cuda/plans.h"
#include "kernels/conv/underlying.h"
#include "tests/emulator/grid/grid.h"
#include "tests/kernels/conv/support.h"
#include "tests/reference/activation.h"

namespace dcgan::test {
namespace {

/// Candidates for bf16, one a tile.
int all_tiles() { return cuda::built_for_warpgroups() ? 9 : 5; }

using cuda::TensorCoreProduct;

constexpr ConvType kDown = ConvType::convolution;
constexpr ConvType kUp = ConvType::transposed;
const Device kGpu{DeviceType::cuda, 0};
const ActivationSpec kLeaky{Activation::leaky_relu, 0.2f};

/// The candidates, those with the largest tiles first.
std::vector<cuda::Algorithm> tensor_core_algorithms() {
  std::vector<cuda::Algorithm> all;
  for (const cuda::Algorithm& one : cuda::algorithms()) {
    if (one.choice == cuda::Choice::when_timed) all.push_back(one);
  }
  return all;
}

/// One pass of a layer without a norm, in bf16.
ConvConfig one_pass(ConvType type, ConvPass pass, int in, int out, const Shape& extents) {
  ConvConfig config{{type, in, out, 4, 2, 1}, {}, extents, DType::bf16};
  config.input = {extents[0], extents[1], extents[2], in};
  config.passes = {pass == ConvPass::forward, pass == ConvPass::backward_data,
                   pass == ConvPass::backward_weights};
  return config;
}

ConvConfig in_tf32(ConvConfig config) {
  config.dtype = DType::f32;
  config.policy.allow_tf32 = true;
  return config;
}

/// The tensors of a pass, and its result in float64.
struct PassCase {
  explicit PassCase(const ConvConfig& from) : config(from), pass(cuda::only_pass(from)) {
    const ConvSpec& spec = config.spec;
    x = reference::random_values(config.input, 1, config.dtype);
    weights = reference::random_values(spec.weight_shape(), 2, config.dtype, 0.0, 0.2);
    dy = reference::random_values(spec.output_shape(config.input), 3, config.dtype);
    if (pass == ConvPass::forward) {
      expected = reference::activate(config.activation, reference::conv(spec, x, weights));
      return;
    }
    auto gradients = reference::conv_gradients(spec, x, weights, dy);
    expected = pass == ConvPass::backward_data ? gradients.dx : gradients.dweights;
  }

  DType result_type() const {
    return pass == ConvPass::backward_weights ? DType::f32 : config.dtype;
  }

  double bound() const {
    const UnderlyingConv conv = underlying_of(config);
    const std::array<std::int64_t, 3> terms{16 * conv.image[3], 4 * conv.features[3],
                                            conv.features.elements() / conv.features[3]};
    const auto product = static_cast<std::size_t>(underlying_product(config.spec.type, pass));
    return tolerance(
        result_type(), terms.at(product),
        config.dtype == DType::f32 ? reference::Factors::tf32 : reference::Factors::as_stored);
  }

  Values run(const Context& context, ConvPlan& plan) const {
    const GuardedTensor x_on(context, x, config.dtype), weights_on(context, weights, config.dtype);
    const GuardedTensor dy_on(context, dy, config.dtype);
    const GuardedTensor result(context, expected.shape, result_type());
    const GuardedTensor scratch = scratch_for(context, plan, pass);
    ConvBackward tensors{x_on.view(),   weights_on.view(), {}, dy_on.view(), result.view(),
                         result.view(), scratch.view()};
    if (pass == ConvPass::forward) {
      plan.forward(context, {x_on.view(), weights_on.view(), result.view(), scratch.view()});
    } else if (pass == ConvPass::backward_data) {
      plan.backward_data(context, tensors);
    } else {
      plan.backward_weights(context, tensors);
    }
    context.synchronize();
    CHECK(guard_bytes({&x_on, &weights_on, &dy_on, &result, &scratch}).passed());
    return result.read();
  }

  ConvConfig config;
  ConvPass pass;
  Values x, weights, dy, expected;
};

/// Runs the tiles that fit, the smallest in each order, the others, which differ in sizes only, in
/// one; returns their number.
int check_tiles(const ConvConfig& config) {
  using emulator::ThreadOrder;
  constexpr std::array kOrders{ThreadOrder::forward, ThreadOrder::reverse, ThreadOrder::random};
  const PassCase one(config);
  const Context context(kGpu);
  int fitting = 0;
  const std::vector<cuda::Algorithm> algorithms = tensor_core_algorithms();
  for (const cuda::Algorithm& algorithm : algorithms) {
    if (!algorithm.candidate.fits(context, config)) continue;
    ++fitting;
    const auto plan = algorithm.candidate.make(context, config);
    const bool every = &algorithm == &algorithms.back();
    for (int i = every ? 0 : fitting % 3; i < 3; i += every ? 1 : 3) {
      INFO(algorithm.candidate.name << " on " << to_string(config.input) << ", "
                                    << name_of(config.dtype) << ", order " << i);
      emulator::set_order(kOrders.at(static_cast<std::size_t>(i)));
      CHECK(reference::relative_l2(one.run(context, *plan), one.expected) < one.bound());
    }
    emulator::set_order(ThreadOrder::forward);
  }
  return fitting;
}

int splits_of(const ConvConfig& config, cuda::TensorCoreTile tile) {
  return cuda::divide(cuda::tensor_core_conv(config),
                      cuda::tensor_core_product(config.spec.type, cuda::only_pass(config)), tile)
      .splits;
}

constexpr auto kLargest = cuda::TensorCoreTile::t256x128;
constexpr auto kShallow = cuda::TensorCoreTile::t64x64_shallow;

}  // namespace

TEST_CASE("features from the image on tensor cores agree with float64 in any thread order") {
  // 135 pixels, 72 features: two or three tiles each way, the last in part outside.
  ConvConfig config = one_pass(kDown, ConvPass::forward, 64, 72, {9, 6, 10});
  config.activation = kLeaky;
  CHECK(splits_of(config, kLargest) == 2);
  CHECK(check_tiles(config) == all_tiles());
  CHECK(check_tiles(in_tf32(config)) == 3);
  // As the data gradient of a transposed convolution; channels for the shallow steps only.
  CHECK(check_tiles(one_pass(kUp, ConvPass::backward_data, 8, 32, {3, 3, 5})) == 1);
}

TEST_CASE("the image from features on tensor cores agrees with float64 in any thread order") {
  // 70 pixels in each phase, two tiles of channels.
  ConvConfig config = one_pass(kUp, ConvPass::forward, 64, 136, {7, 2, 5});
  config.activation = {Activation::relu};
  CHECK(check_tiles(config) == all_tiles());
  CHECK(check_tiles(in_tf32(config)) == 3);
  CHECK(check_tiles(one_pass(kDown, ConvPass::backward_data, 8, 32, {3, 6, 10})) == 1);
}

TEST_CASE("weight gradients on tensor cores agree with float64 in any thread order") {
  // 2205 pixels, 35 steps: splits of 9, 9, 9 and 8 steps, of which the last ends outside.
  const ConvConfig deep = one_pass(kDown, ConvPass::backward_weights, 8, 72, {5, 42, 42});
  CHECK(splits_of(deep, kLargest) == 4);
  CHECK(check_tiles(deep) == all_tiles());
  // 24 pixels, one step; a tile of columns that ends outside.
  CHECK(check_tiles(one_pass(kUp, ConvPass::backward_weights, 16, 12 * 8, {3, 2, 4})) ==
        all_tiles());
  CHECK(check_tiles(in_tf32(one_pass(kUp, ConvPass::backward_weights, 68, 12, {5, 9, 9}))) == 3);
}

TEST_CASE("divided products on tensor cores agree with float64") {
  const ConvConfig down = one_pass(kDown, ConvPass::forward, 128, 8, {1, 4, 6});
  CHECK(splits_of(down, kLargest) == 4);
  CHECK(splits_of(down, kShallow) == 8);
  CHECK(check_tiles(down) == all_tiles());
  // 28 steps: splits of 10, 10 and 8.
  const ConvConfig up = one_pass(kUp, ConvPass::forward, 448, 8, {1, 2, 3});
  CHECK(splits_of(up, kLargest) == 3);
  CHECK(splits_of(up, kShallow) == 7);
  CHECK(check_tiles(up) == all_tiles());
}

TEST_CASE("products of the 64 px layers are divided as benchmarks/conv_model.py has it") {
  using enum cuda::TensorCoreTile;
  const auto check = [](int channels, int rows, int features, TensorCoreProduct product,
                        cuda::TensorCoreTile tile, std::int64_t tiles, int splits) {
    const cuda::TensorCoreConv conv{64,   2 * rows, 2 * rows, channels,
                                    rows, rows,     features, DType::bf16};
    const cuda::ProductDivision division = cuda::divide(conv, product, tile);
    CHECK(division.tiles() == tiles);
    CHECK(division.splits == splits);
  };
  check(256, 4, 512, TensorCoreProduct::down, t128x128, 32, 4);
  check(256, 4, 512, TensorCoreProduct::up, t128x64, 128, 2);
  check(64, 16, 128, TensorCoreProduct::weights, t256x128, 8, 16);
  check(128, 8, 256, TensorCoreProduct::up, t64x64, 512, 1);
}

TEST_CASE("partial sums are added by a grid that is smaller than the tensor") {
  const Context context(kGpu);
  constexpr std::int64_t kElements = 4 * (3 * 528 * 256 + 5);  // three times round, and a tail
  constexpr int kSplits = 2;
  const Values partials = reference::random_values({kSplits, kElements}, 1);
  Values expected({kElements});
  for (std::int64_t i = 0; i < kElements; ++i) {
    expected[i] = reference::stored_as(DType::f32, partials[i] + partials[kElements + i]);
  }
  const GuardedTensor from(context, partials, DType::f32), to(context, {kElements}, DType::f32);
  cuda::add_splits(context, from.view().as<float>(), kSplits, to.view(), {}, {});
  context.synchronize();
  CHECK(to.read().v == expected.v);
  CHECK(to.guards_intact());
}

TEST_CASE("convolutions on tensor cores give the same bits twice") {
  const Context context(kGpu);
  for (const ConvPass pass :
       {ConvPass::forward, ConvPass::backward_data, ConvPass::backward_weights}) {
    const PassCase one(one_pass(kDown, pass, 128, 64, {1, 4, 6}));
    int checked = 0;
    for (const cuda::Algorithm& algorithm : tensor_core_algorithms()) {
      if (!algorithm.candidate.fits(context, one.config)) continue;
      const auto plan = algorithm.candidate.make(context, one.config);
      CHECK(one.run(context, *plan).v == one.run(context, *plan).v);
      ++checked;
    }
    CHECK(checked == all_tiles());
  }
}

TEST_CASE("a bias is added on tensor cores, also where the depth is divided") {
  const Context context(kGpu);
  for (ConvConfig config : {one_pass(kUp, ConvPass::forward, 512, 72, {1, 3, 4}),
                            one_pass(kDown, ConvPass::forward, 64, 136, {3, 12, 8})}) {
    config.bias = ConvBias::per_channel;
    config.activation = {Activation::relu};
    CHECK(splits_of(config, kShallow) > 1);
    int checked = 0;
    for (const cuda::Algorithm& algorithm : tensor_core_algorithms()) {
      if (!algorithm.candidate.fits(context, config)) continue;
      const auto plan = algorithm.candidate.make(context, config);
      check_convolution_bias(context, config, *plan, assertions(plan->describe()));
      ++checked;
    }
    CHECK(checked == all_tiles());
  }
}

TEST_CASE("tensor cores are offered for wide layers with kernel 4, stride 2 and padding 1") {
  const Context context(kGpu);
  const auto fitting = [&](const ConvConfig& config) {
    int count = 0;
    for (const cuda::Algorithm& algorithm : tensor_core_algorithms()) {
      const bool fits = algorithm.candidate.fits(context, config);
      count += fits ? 1 : 0;
      if (!fits) {
        CHECK(thrown_by([&] { algorithm.candidate.make(context, config); }).kind ==
              ErrorKind::internal);
      }
    }
    return count;
  };
  const ConvConfig all{{kDown, 64, 128, 4, 2, 1}, {}, {2, 8, 8, 64}, DType::bf16};
  CHECK(fitting(all) == all_tiles());
  CHECK(fitting(in_tf32(all)) == 3);
  ConvConfig exact = all;
  exact.dtype = DType::f32;
  CHECK(fitting(exact) == 0);
  ConvConfig other = all;
  other.spec.kernel = 3;
  CHECK(fitting(other) == 0);
  other = all;
  other.input = {2, 9, 8, 64};
  CHECK(fitting(other) == 0);
  CHECK(fitting({{kDown, 96, 128, 4, 2, 1}, {}, {2, 8, 8, 96}, DType::bf16}) == 1);
  CHECK(fitting({{kDown, 72, 128, 4, 2, 1}, {}, {2, 8, 8, 72}, DType::bf16}) == 0);
  CHECK(fitting(one_pass(kDown, ConvPass::backward_weights, 72, 40, {2, 8, 8})) == all_tiles());
  CHECK(fitting(one_pass(kDown, ConvPass::backward_weights, 68, 40, {2, 8, 8})) == 0);
}

}  // namespace dcgan::test
