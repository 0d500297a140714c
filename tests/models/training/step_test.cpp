// The gradients of the whole fused step against finite differences of its own losses.

#include "models/training/step.h"

#include "runtime/base/host_tensor.h"
#include "tests/models/support.h"

using namespace dcgan;

namespace {

struct Setup {
  explicit Setup(LossKind loss)
      : context(Device{}),
        options(with_loss(loss)),
        generator(context, generator_blocks(model_config(options))),
        discriminator(context, discriminator_blocks(model_config(options))),
        step(context, generator, discriminator, config(loss)) {
    reset();
    HostTensor real = draw_host({4 * 32 * 32, 1}, 1);
    upload(context, real.view().reshaped(step.real_images().shape), step.real_images());
    HostTensor z = draw_host({4, 6}, 2);
    upload(context, z.view().reshaped(step.latent().shape), step.latent());
  }

  static RunOptions with_loss(LossKind loss) {
    RunOptions options = test::tiny_options();
    options.loss = loss;
    return options;
  }
  static StepConfig config(LossKind loss) {
    StepConfig config;
    config.batch = 4;
    config.loss.kind = loss;
    // Nothing moves: the losses of a step are a function of the weights put in before it.
    config.generator.learning_rate = 0;
    config.discriminator.learning_rate = 0;
    return config;
  }
  static HostTensor draw_host(const Shape& shape, std::uint32_t sample) {
    HostTensor tensor(shape, DType::f32);
    RandomSequence numbers({1, RandomStream::test}, 0, sample);
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
      tensor.view().as<float>()[i] = std::tanh(numbers.next_normal());
    }
    return tensor;
  }
  // Weights ten times the usual: away from the flat start, so that gradients have a size.
  void reset() {
    for (Network* network : {&generator, &discriminator}) {
      network->parameters().initialize(context, {11, RandomStream::test});
      const TensorView values = network->parameters().flat(ParameterArray::values);
      for (std::int64_t i = 0; i < values.elements(); ++i) values.as<float>()[i] *= 4.0f;
    }
  }
  StepResults run() {
    step.update_discriminator(context);
    step.update_generator(context);
    return step.read_results(context);
  }

  Context context;
  RunOptions options;
  Network generator;
  Network discriminator;
  AdversarialStep step;
};

// Directional derivative along the gradient itself: |g|^2 = (L(w + h g) - L(w - h g)) / 2h. Along g
// the difference is as large as it can be, which lifts it above float32's rounding.
template <class Loss>
void check_direction(Setup& setup, Network& network, const Loss& loss) {
  setup.run();
  const TensorView values = network.parameters().flat(ParameterArray::values);
  const TensorView gradients = network.parameters().flat(ParameterArray::gradients);
  const std::vector<float> start(values.as<float>(), values.as<float>() + values.elements());
  const std::vector<float> gradient(gradients.as<float>(),
                                    gradients.as<float>() + gradients.elements());
  double norm2 = 0;
  for (const float g : gradient) norm2 += double{g} * g;
  REQUIRE(norm2 > 1e-8);
  const double h = 1e-3 / std::sqrt(norm2);
  const auto moved = [&](double scale) {
    for (std::size_t i = 0; i < start.size(); ++i) {
      values.as<float>()[i] = static_cast<float>(start[i] + scale * double{gradient[i]});
    }
    return double{loss(setup.run())};
  };
  const double derivative = (moved(h) - moved(-h)) / (2 * h);
  // 1e-3 along the unit gradient: curvature and ReLU kinks give a per cent or two.
  CHECK(derivative == Approx(norm2).epsilon(0.03));
}

}  // namespace

TEST_CASE("gradients of the fused step agree with finite differences, for every loss") {
  for (const LossKind kind : {LossKind::minimax, LossKind::non_saturating, LossKind::lsgan,
                              LossKind::hinge, LossKind::wgan}) {
    INFO("loss " << enum_name(kind));
    Setup d(kind);
    check_direction(d, d.discriminator, [](const StepResults& r) { return r.errD(); });
    Setup g(kind);
    check_direction(g, g.generator, [](const StepResults& r) { return r.errG; });
  }
}

TEST_CASE("a step equals itself: the same inputs give the same bits") {
  Setup one(LossKind::non_saturating);
  Setup two(LossKind::non_saturating);
  one.run();
  two.run();
  CHECK(test::state_of(one.context, one.generator) == test::state_of(two.context, two.generator));
  CHECK(test::state_of(one.context, one.discriminator) ==
        test::state_of(two.context, two.discriminator));
}

TEST_CASE("networks of different channel counts are refused") {
  const Context context(Device{});
  RunOptions grey = test::tiny_options();
  RunOptions colour = grey;
  colour.channels = 3;
  Network generator(context, generator_blocks(model_config(grey)));
  Network discriminator(context, discriminator_blocks(model_config(colour)));
  CHECK_THROWS_WITH(AdversarialStep(context, generator, discriminator, {}),
                    Contains("1 channels") && Contains("reads 3"));
}
