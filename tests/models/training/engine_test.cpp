// The engine: its inputs, its counters, and what may change between steps.

#include "models/training/engine.h"

#include <set>

#include "tests/models/training/support.h"

using namespace dcgan;
using test::TinyTraining;

TEST_CASE("hyper-parameters changed between steps act on replayed steps as on enqueued ones") {
  for (const Device device : test::devices_under_test()) {
    INFO(to_string(device));
    const auto train = [&](StepLaunch launch) {
      const Context context(device);
      TrainingConfig config = test::tiny_config();
      config.generator.ema_decay = 0.9f;
      TinyTraining training(context, config);
      for (int step = 0; step < 6; ++step) {
        if (step >= 2) {  // from the capture on, other values each step
          HyperParameters values = training.engine.hyper_parameters();
          values.generator.learning_rate *= 0.5f;
          values.discriminator.learning_rate *= 1.5f;
          values.discriminator.beta1 = 0.4f;
          values.generator.ema_decay = 0.8f;
          values.real_label = 0.9f;
          training.engine.set_hyper_parameters(values);
        }
        training.engine.train_step(launch);
      }
      return test::state_of(context, training.engine);
    };
    CHECK(train(StepLaunch::graph) == train(StepLaunch::eager));
  }
}

TEST_CASE("a learning rate of zero set between steps stops the weights") {
  const Context context(Device{});
  TinyTraining training(context, test::tiny_config());
  training.engine.train_step();
  HyperParameters values = training.engine.hyper_parameters();
  values.generator.learning_rate = values.discriminator.learning_rate = 0;
  training.engine.set_hyper_parameters(values);
  const auto weights = [&] {
    return test::bytes_of(context,
                          training.engine.generator().parameters().flat(ParameterArray::values));
  };
  const auto before = weights();
  training.engine.train_step();
  CHECK(weights() == before);
  values.generator.learning_rate = -1;
  CHECK_THROWS_WITH(training.engine.set_hyper_parameters(values), Contains("learning_rate is -1"));
}

TEST_CASE("an engine that continues behind a step takes that step's latent vectors and images") {
  for (const Device device : test::devices_under_test()) {
    const Context context(device);
    TrainingConfig config = test::tiny_config();
    config.discriminator_steps = 2;
    TinyTraining straight(context, config);
    for (int step = 0; step < 4; ++step) straight.engine.train_step();
    TinyTraining moved(context, config);
    moved.engine.set_steps_done(3);
    moved.engine.train_step();
    CHECK(moved.engine.steps_done() == 4);
    context.synchronize();
    CHECK(test::bytes_of(context, moved.engine.step().latent()) ==
          test::bytes_of(context, straight.engine.step().latent()));
    CHECK(test::bytes_of(context, moved.engine.step().real_images()) ==
          test::bytes_of(context, straight.engine.step().real_images()));
    CHECK(straight.images.prefetched() == 8);
  }
}

TEST_CASE("a step by parts is the step") {
  const Context context(Device{});
  TrainingConfig config = test::tiny_config();
  config.discriminator_steps = 2;
  TinyTraining whole(context, config);
  TinyTraining parts(context, config);
  for (int step = 0; step < 2; ++step) {
    whole.engine.train_step();
    parts.engine.begin_step();
    parts.engine.update_discriminator(0);
    parts.engine.update_discriminator(1);
    parts.engine.update_generator();
    parts.engine.end_step();
  }
  CHECK(test::state_of(context, whole.engine) == test::state_of(context, parts.engine));
}

TEST_CASE("latent vectors of the caller replace the seed's") {
  class Constant final : public LatentSource {
   public:
    void draw(const Context& context, std::int64_t, TensorView z) override {
      fill_zero(context, z);
    }
  };
  const Context context(Device{});
  TinyTraining training(context, test::tiny_config());
  Constant zeros;
  training.engine.set_latents(zeros);
  training.engine.train_step();
  const TensorView z = training.engine.step().latent();
  for (std::int64_t i = 0; i < z.elements(); ++i) CHECK(z.as<float>()[i] == 0.0f);
}

TEST_CASE("labels by image come from the image source, and one without them is refused") {
  const Context context(Device{});
  TrainingConfig config = test::tiny_config();
  config.real_labels = RealLabels::per_image;
  TinyTraining training(context, config);
  CHECK_THROWS_WITH(training.engine.train_step(), Contains("labels by image"));
}

TEST_CASE("an engine without images and one of a wrong configuration say so") {
  const Context context(Device{});
  LocalCommunicator communicator;
  TrainingEngine engine(context, communicator, test::tiny_config());
  CHECK_THROWS_WITH(engine.train_step(), Contains("set_images"));
  TrainingConfig config = test::tiny_config();
  config.batch = 0;
  CHECK_THROWS_WITH(TrainingEngine(context, communicator, config), Contains("batch 0"));
  config = test::tiny_config();
  config.loss = {LossKind::wgan, 0.9f};
  CHECK_THROWS_WITH(TrainingEngine(context, communicator, config), Contains("wgan"));
  config = test::tiny_config();
  config.discriminator.kind = OptimizerKind::rmsprop;
  CHECK_THROWS_WITH(TrainingEngine(context, communicator, config), Contains("rmsprop"));
}

TEST_CASE("scalars are read by name, and the discriminator's loss is the sum of its parts") {
  const Context context(Device{});
  TinyTraining training(context, test::tiny_config());
  training.engine.train_step();
  const Scalars scalars = training.engine.step().read_scalars(context);
  CHECK(scalars[Scalar::errD] == scalars[Scalar::errD_real] + scalars[Scalar::errD_fake]);
  CHECK(scalars[Scalar::D_x] > 0);
  CHECK(scalars[Scalar::D_x] < 1);
  CHECK(scalars[Scalar::accuracy] >= 0);
  CHECK(scalars.gradients_finite());
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kScalars.size(); ++i) {
    CHECK(kScalars[i].id == static_cast<Scalar>(i));  // the table is in the order of the enum
    names.insert(kScalars[i].name);
  }
  CHECK(names.size() == kScalars.size());
}
