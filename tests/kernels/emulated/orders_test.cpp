// Every kernel gives the same bits whatever the order of threads and blocks: no barrier is missing,
// and no sum depends on timing. Shapes are large enough for several blocks, chunks and tiles, with
// 16-byte accesses and without. tests/kernels compares the same kernels with float64.
#include <functional>
#include <map>
#include <string>

#include "kernels/conv/cuda/plans.h"
#include "kernels/elementwise/convert.h"
#include "kernels/input/image_batch.h"
#include "kernels/input/latent.h"
#include "kernels/loss/loss.h"
#include "kernels/optimizer/optimizer.h"
#include "tests/emulator/grid/grid.h"
#include "tests/kernels/norm/support.h"
#include "tests/reference/conv.h"

namespace dcgan::test {
namespace {

using Bytes = std::map<std::string, std::vector<std::uint8_t>>;

const Device kGpu{DeviceType::cuda, 0};

/// Runs the operation in three orders and compares every byte that it leaves.
void check_orders(const std::function<Bytes(const Context&)>& operation) {
  const Context context(kGpu);
  emulator::set_order(emulator::ThreadOrder::forward);
  const Bytes expected = operation(context);
  CHECK_FALSE(expected.empty());
  for (const std::uint64_t seed : {0, 1, 2}) {
    emulator::set_order(seed == 0 ? emulator::ThreadOrder::reverse : emulator::ThreadOrder::random,
                        seed);
    const Bytes bytes = operation(context);
    for (const auto& [name, values] : expected) {
      INFO(name << ", seed " << seed << " (0: reverse)");
      CHECK(bytes.at(name) == values);
    }
  }
  emulator::set_order(emulator::ThreadOrder::forward);
}

GuardedTensor random(const Context& context, Shape shape, std::uint32_t seed, DType dtype) {
  return {context, reference::random_values(shape, seed, dtype), dtype};
}

Bytes train_batch_norm(const Context& context, const Shape& shape, DType dtype) {
  const BatchNormOptions options{{Activation::leaky_relu, 0.2f}, 2};
  const NormOnDevice norm(context, reference::random_values(shape, 1, dtype),
                          reference::random_values(shape, 2, dtype), random_state(shape[3]), dtype,
                          options);
  norm.forward();
  norm.backward();
  const GuardedTensor memory(context, {BatchNormStatistics::elements(2, 3, shape[3])}, DType::f32);
  batch_norm_merge(context, norm.statistics(),
                   BatchNormStatistics::in(memory.view(), 2, 3, shape[3]), /*part=*/1);
  return {{"y", norm.y.raw()},
          {"mean", norm.mean.raw()},
          {"invstd", norm.invstd.raw()},
          {"running_mean", norm.running_mean.raw()},
          {"running_var", norm.running_var.raw()},
          {"tracked", norm.tracked.raw()},
          {"merged", memory.raw()},
          {"dx", norm.dx.raw()},
          {"dweight", norm.dweight.raw()},
          {"dbias", norm.dbias.raw()}};
}

/// Forward and both gradients of a convolution of our own.
Bytes train_convolution(const Context& context, const ConvConfig& config) {
  const auto plan = cuda::gemv_head_fits(context, config)
                        ? cuda::plan_gemv_head(context, config)
                        : cuda::plan_small_channel(context, config);
  const Shape output = config.spec.output_shape(config.input);
  const Shape weight_shape = config.spec.weight_shape();
  const GuardedTensor x = random(context, config.input, 1, config.dtype);
  const GuardedTensor weights = random(context, weight_shape, 2, config.dtype);
  const GuardedTensor dy = random(context, output, 3, config.dtype);
  const GuardedTensor y(context, output, config.dtype), dx(context, config.input, config.dtype);
  const GuardedTensor dweights(context, weight_shape, DType::f32);
  const GuardedTensor workspace(
      context, Shape{static_cast<std::int64_t>(plan->workspace_bytes(ConvPass::backward_weights))},
      DType::u8);
  plan->forward(context, {x.view(), weights.view(), y.view(), /*workspace=*/{}});
  const ConvBackward tensors{x.view(),  weights.view(),  y.view(),        dy.view(),
                             dx.view(), dweights.view(), workspace.view()};
  plan->activation_backward(context, tensors);
  plan->backward_data(context, tensors);
  plan->backward_weights(context, tensors);
  CHECK(workspace.guards_intact());
  return {{"y", y.raw()}, {"dx", dx.raw()}, {"dweights", dweights.raw()}};
}

}  // namespace

TEST_CASE("batch norm gives the same bits in any thread order") {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    for (const Shape& shape : {Shape{4, 16, 16, 16}, Shape{2, 9, 7, 5}, Shape{2, 4, 4, 520}}) {
      INFO(to_string(shape) << " " << name_of(dtype));
      check_orders([&](const Context& context) { return train_batch_norm(context, shape, dtype); });
    }
  }
}

TEST_CASE("our convolutions give the same bits in any thread order") {
  const ActivationSpec leaky{Activation::leaky_relu, 0.2f};
  const ActivationSpec tanh{Activation::tanh};
  const std::vector<ConvConfig> configs = {
      {{ConvType::convolution, 3, 72, 4, 2, 1}, leaky, {2, 20, 36, 3}, DType::bf16},
      {{ConvType::convolution, 1, 13, 3, 1, 1}, leaky, {2, 11, 9, 1}, DType::f32},
      {{ConvType::transposed, 40, 3, 4, 2, 1}, tanh, {2, 9, 10, 40}, DType::bf16},
      {{ConvType::transposed, 7, 4, 4, 1, 2}, tanh, {1, 10, 9, 7}, DType::f32},
      // More tiles than blocks: each block loops over several.
      {{ConvType::convolution, 1, 3, 3, 1, 1}, leaky, {1100, 2, 2, 1}, DType::f32},
      {{ConvType::convolution, 520, 1, 4, 1, 0}, leaky, {9, 4, 4, 520}, DType::bf16},
      {{ConvType::convolution, 3, 1, 3, 1, 0}, {}, {5, 3, 3, 3}, DType::f32},
  };
  for (const ConvConfig& config : configs) {
    INFO(to_string(config.spec) << " on " << to_string(config.input));
    check_orders([&](const Context& context) { return train_convolution(context, config); });
  }
}

TEST_CASE("our convolutions over several tiles agree with float64") {
  const Context context(kGpu);
  for (const DType dtype : {DType::f32, DType::bf16}) {
    for (const ConvType type : {ConvType::convolution, ConvType::transposed}) {
      const bool down = type == ConvType::convolution;
      // 72 features: more than a block's 64 or 32, and not a multiple of either.
      const ConvSpec spec{type, down ? 3 : 72, down ? 72 : 3, 4, 2, 1};
      const Shape input = down ? Shape{3, 20, 36, 3} : Shape{3, 10, 18, 72};
      INFO(to_string(spec) << " " << name_of(dtype));
      const Values x = reference::random_values(input, 1, dtype);
      const Values weights = reference::random_values(spec.weight_shape(), 2, dtype, 0.0, 0.2);
      const Values dy = reference::random_values(spec.output_shape(input), 3, dtype);
      const auto plan = cuda::plan_small_channel(context, {spec, {}, input, dtype});
      const GuardedTensor x_on(context, x, dtype), weights_on(context, weights, dtype);
      const GuardedTensor dy_on(context, dy, dtype), y_on(context, dy.shape, dtype);
      const GuardedTensor dx_on(context, input, dtype);
      const GuardedTensor dweights_on(context, weights.shape, DType::f32);
      const auto bytes =
          static_cast<std::int64_t>(plan->workspace_bytes(ConvPass::backward_weights));
      const GuardedTensor workspace(context, Shape{bytes}, DType::u8);
      plan->forward(context, {x_on.view(), weights_on.view(), y_on.view(), /*workspace=*/{}});
      const ConvBackward tensors{x_on.view(),  weights_on.view(),  y_on.view(),     dy_on.view(),
                                 dx_on.view(), dweights_on.view(), workspace.view()};
      plan->activation_backward(context, tensors);
      plan->backward_data(context, tensors);
      plan->backward_weights(context, tensors);
      const auto gradients = reference::conv_gradients(spec, x, weights, dy);
      CHECK(reference::relative_l2(y_on.read(), reference::conv(spec, x, weights)) <
            tolerance(dtype, 16 * 72));
      CHECK(reference::relative_l2(dx_on.read(), gradients.dx) < tolerance(dtype, 16 * 72));
      // A weight's gradient is f32 and sums all pixels of the batch.
      CHECK(reference::relative_l2(dweights_on.read(), gradients.dweights) <
            tolerance(DType::f32, 3 * 10 * 18));
      CHECK(y_on.guards_intact());
      CHECK(dx_on.guards_intact());
      CHECK(dweights_on.guards_intact());
    }
  }
}

TEST_CASE("losses give the same bits in any thread order") {
  for (const LossKind kind : {LossKind::minimax, LossKind::lsgan, LossKind::hinge}) {
    check_orders([&](const Context& context) -> Bytes {
      const GuardedTensor logits = random(context, {2 * 1500}, 1, DType::f32);
      const GuardedTensor dlogits(context, {2 * 1500}, DType::f32);
      const GuardedTensor results(context, {kDiscriminatorResults}, DType::f32);
      const GuardedTensor generator_results(context, {kGeneratorResults}, DType::f32);
      const GuardedTensor labels(context, Values({2}, {1.0, 0.0}), DType::f32);
      discriminator_loss(context,
                         {logits.view(), labels.view(), {}, dlogits.view(), results.view()}, kind);
      const auto gradient = dlogits.raw();
      generator_loss(context, {logits.view(), dlogits.view(), generator_results.view()}, kind);
      return {{"results", results.raw()},
              {"gradient", gradient},
              {"generator results", generator_results.raw()},
              {"generator gradient", dlogits.raw()}};
    });
  }
}

TEST_CASE("the optimiser counts its step once, in any order of blocks") {
  constexpr std::int64_t kCount = 3 * 1024 + 5;  // four blocks and a tail
  check_orders([&](const Context& context) -> Bytes {
    const GuardedTensor values = random(context, {kCount}, 1, DType::f32);
    const GuardedTensor gradients = random(context, {kCount}, 2, DType::f32);
    const GuardedTensor first(context, Values({kCount}), DType::f32);
    const GuardedTensor second(context, Values({kCount}), DType::f32);
    const GuardedTensor ema(context, Values({kCount}), DType::f32);
    const GuardedTensor low(context, {kCount}, DType::bf16);
    const GuardedTensor step(context, Values({1}, {41}), DType::i64);
    OptimizerOptions options;
    options.ema_decay = 0.9;
    const OptimizerCoefficients host = coefficients_of(options);
    const GuardedTensor coefficients(context, {sizeof host}, DType::u8);
    upload(context, {&host, coefficients.view().shape, DType::u8}, coefficients.view());
    optimizer_step(context,
                   {values.view(), gradients.view(), first.view(), second.view(), step.view(),
                    ema.view(), low.view(), coefficients.view()},
                   options.kind);
    CHECK(step.read()[0] == 42);
    return {{"values", values.raw()}, {"first", first.raw()}, {"second", second.raw()},
            {"ema", ema.raw()},       {"low", low.raw()},     {"step", step.raw()}};
  });
}

TEST_CASE("elementwise kernels give the same bits in any thread order") {
  check_orders([](const Context& context) -> Bytes {
    const GuardedTensor step(context, Values({1}, {7}), DType::i64);
    const GuardedTensor z(context, {5, 102}, DType::bf16);
    draw_next_latent(context, step.view(), z.view(), {});
    CHECK(step.read()[0] == 8);
    const GuardedTensor wide(context, {5, 102}, DType::f32);
    convert_type(context, z.view(), wide.view());
    const GuardedTensor turned(context, {2, 3, 5, 17}, DType::f32);
    to_channels_last(context, wide.view().reshaped({2, 17, 3, 5}), turned.view());
    const GuardedTensor pixels(context, {2, 3, 5, 17}, DType::u8);
    images_to_uint8(context, turned.view(), pixels.view());
    const GuardedTensor indices(context, Values({3}, {1, 0, 1}), DType::i64);
    const GuardedTensor flips(context, Values({3}, {1, 0, 0}), DType::u8);
    const GuardedTensor batch(context, {3, 3, 5, 17}, DType::bf16);
    gather_images(context, pixels.view(), indices.view(), flips.view(), batch.view());
    return {
        {"z", z.raw()}, {"turned", turned.raw()}, {"pixels", pixels.raw()}, {"batch", batch.raw()}};
  });
}

}  // namespace dcgan::test
