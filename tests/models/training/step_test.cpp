// The gradients of the whole fused step against finite differences of its own losses.

#include "models/training/step.h"

#include "tests/models/training/support.h"

using namespace dcgan;

namespace {

TrainingConfig still_config(LossKind loss) {
  TrainingConfig config = test::tiny_config();
  config.loss.kind = loss;
  // Nothing moves: the losses of a step are a function of the weights put in before it.
  config.generator.learning_rate = 0;
  config.discriminator.learning_rate = 0;
  return config;
}

struct Setup {
  explicit Setup(const TrainingConfig& config, ImageStage* stage = nullptr)
      : context(Device{}),
        generator(context, generator_blocks(config.model)),
        discriminator(context, discriminator_blocks(config.model)),
        step(context, generator, discriminator, config, {stage, 0}) {
    reset();
    const HostTensor real = test::random_tensor({4 * 32 * 32, 1}, 1);
    upload(context, real.view().reshaped(step.real_images().shape), step.real_images());
    const HostTensor z = test::random_tensor({4, 6}, 2);
    upload(context, z.view().reshaped(step.latent().shape), step.latent());
  }
  // Weights ten times the usual: away from the flat start, so that gradients have a size.
  void reset() {
    for (Network* network : {&generator, &discriminator}) {
      network->parameters().initialize(context, {11, RandomStream::test});
      const TensorView values = network->parameters().flat(ParameterArray::values);
      for (std::int64_t i = 0; i < values.elements(); ++i) values.as<float>()[i] *= 4.0f;
    }
  }
  Scalars run() {
    step.update_discriminator(context);
    step.update_generator(context);
    return step.read_scalars(context);
  }

  Context context;
  Network generator;
  Network discriminator;
  AdversarialStep step;
};

// Directional derivative along the gradient itself: |g|^2 = (L(w + h g) - L(w - h g)) / 2h. Along g
// the difference is as large as it can be, which lifts it above float32's rounding.
void check_direction(Setup& setup, Network& network, Scalar loss) {
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
    return double{setup.run()[loss]};
  };
  const double derivative = (moved(h) - moved(-h)) / (2 * h);
  // 1e-3 along the unit gradient: curvature and ReLU kinks give a per cent or two.
  CHECK(derivative == Approx(norm2).epsilon(0.03));
}

// y = a x + b with a the same for all: its gradient is a, and the discriminator sees other images.
class Affine final : public ImageStage {
 public:
  Affine(float scale, float shift) : scale_(scale), shift_(shift) {}
  std::string describe() const override { return "affine"; }
  void forward(const Context&, ConstTensorView images, TensorView output) override {
    ++forwards;
    for (std::int64_t i = 0; i < images.elements(); ++i) {
      output.as<float>()[i] = scale_ * images.as<float>()[i] + shift_;
    }
  }
  void backward(const Context&, ConstTensorView doutput, TensorView dimages) override {
    ++backwards;
    for (std::int64_t i = 0; i < doutput.elements(); ++i) {
      dimages.as<float>()[i] = scale_ * doutput.as<float>()[i];
    }
  }
  int forwards = 0;
  int backwards = 0;

 private:
  float scale_, shift_;
};

}  // namespace

TEST_CASE("gradients of the fused step agree with finite differences, for every loss") {
  for (const auto& [name, kind] : enum_table(LossKind{})) {
    INFO("loss " << name);
    Setup d(still_config(kind));
    check_direction(d, d.discriminator, Scalar::errD);
    Setup g(still_config(kind));
    check_direction(g, g.generator, Scalar::errG);
  }
}

TEST_CASE("an image stage's gradient reaches the generator: finite differences agree") {
  Affine stage(0.5f, 0.1f);
  Setup d(still_config(LossKind::non_saturating), &stage);
  check_direction(d, d.discriminator, Scalar::errD);
  Affine other(-0.7f, 0.2f);
  Setup g(still_config(LossKind::non_saturating), &other);
  check_direction(g, g.generator, Scalar::errG);
  CHECK(other.forwards == 2 * other.backwards);  // real and fake; fake alone, whose gradient it is
}

TEST_CASE("an image stage that changes nothing changes no bit of the training") {
  Affine identity(1.0f, 0.0f);
  Setup plain(test::tiny_config());
  Setup staged(test::tiny_config(), &identity);
  for (int i = 0; i < 3; ++i) {
    plain.run();
    staged.run();
  }
  CHECK(test::state_of(plain.context, plain.generator) ==
        test::state_of(staged.context, staged.generator));
  CHECK(test::state_of(plain.context, plain.discriminator) ==
        test::state_of(staged.context, staged.discriminator));
}

TEST_CASE("a step equals itself: the same inputs give the same bits") {
  Setup one(still_config(LossKind::non_saturating));
  Setup two(still_config(LossKind::non_saturating));
  one.run();
  two.run();
  CHECK(test::state_of(one.context, one.generator) == test::state_of(two.context, two.generator));
  CHECK(test::state_of(one.context, one.discriminator) ==
        test::state_of(two.context, two.discriminator));
}

TEST_CASE("networks of different channel counts are refused") {
  const Context context(Device{});
  TrainingConfig grey = test::tiny_config();
  TrainingConfig colour = grey;
  colour.model.channels = 3;
  Network generator(context, generator_blocks(grey.model));
  Network discriminator(context, discriminator_blocks(colour.model));
  CHECK_THROWS_WITH(AdversarialStep(context, generator, discriminator, grey),
                    Contains("1 channels") && Contains("reads 3"));
}
