#include "models/run/trainer.h"

#include "tests/models/support.h"

using namespace dcgan;

namespace {

const std::atomic<bool> kGoOn{false};

struct Finished {
  std::vector<std::byte> generator;
  std::vector<std::byte> discriminator;
};

// Trains to `steps`, from the newest checkpoint in the folder where there is one.
Finished train_to(Device device, RunOptions options, std::int64_t steps) {
  options.steps = steps;
  const Context context(device);
  const Dataset dataset = load_dataset(dataset_options(options));
  Trainer trainer(context, options, dataset);
  if (std::filesystem::exists(std::filesystem::path(options.out) / "checkpoints")) {
    trainer.resume(find_checkpoint(options.out, [](const std::string&) {}));
  }
  TrainingObserver nobody;
  trainer.run(nobody, kGoOn);
  return {test::state_of(context, trainer.engine().generator()),
          test::state_of(context, trainer.engine().discriminator())};
}

void check_resume_is_exact(const RunOptions& base) {
  for (const Device device : test::devices_under_test()) {
    test::TemporaryFolder folder;
    RunOptions straight = base;
    straight.out = (folder.path() / "straight").string();
    RunOptions broken = base;
    broken.out = (folder.path() / "broken").string();
    const Finished whole = train_to(device, straight, 8);
    train_to(device, broken, 3);  // 5 batches an epoch: in the middle of the first
    train_to(device, broken, 7);
    const Finished resumed = train_to(device, broken, 8);
    INFO(to_string(device));
    CHECK(resumed.generator == whole.generator);
    CHECK(resumed.discriminator == whole.discriminator);
  }
}

}  // namespace

TEST_CASE("a run resumed twice equals a straight run bit for bit") {
  check_resume_is_exact(test::tiny_options());
}

TEST_CASE("so it does with flips, several discriminator steps, an average and uniform noise") {
  RunOptions options = test::tiny_options();
  options.flip = true;
  options.d_steps = 2;
  options.ema_decay = 0.9;
  options.latent = LatentDistribution::uniform;
  check_resume_is_exact(options);
}

TEST_CASE("so it does for WGAN with RMSprop and weight clipping") {
  RunOptions options = test::tiny_options();
  options.loss = LossKind::wgan;
  options.optimizer = OptimizerKind::rmsprop;
  options.weight_clip = 0.01;
  options.lr = 5e-5;
  options.d_steps = 5;
  check_resume_is_exact(options);
}

TEST_CASE("weight clipping covers every discriminator parameter, batch norm too") {
  RunOptions options = test::tiny_options();
  options.loss = LossKind::wgan;
  options.weight_clip = 0.01;
  test::TemporaryFolder folder;
  options.out = folder.path().string();
  const Context context(Device{});
  const Dataset dataset = load_dataset(dataset_options(options));
  Trainer trainer(context, options, dataset);
  trainer.engine().train_step();
  const TensorView values =
      trainer.engine().discriminator().parameters().flat(ParameterArray::values);
  const float* value = values.as<float>();
  CHECK(std::all_of(value, value + values.elements(),
                    [](float v) { return v >= -0.01f && v <= 0.01f; }));
}

TEST_CASE("training drives the discriminator's loss down and changes both networks") {
  RunOptions options = test::tiny_options();
  test::TemporaryFolder folder;
  options.out = folder.path().string();
  const Context context(Device{});
  const Dataset dataset = load_dataset(dataset_options(options));
  Trainer trainer(context, options, dataset);
  const auto generator = test::state_of(context, trainer.engine().generator());
  trainer.engine().train_step();
  const float first = trainer.engine().step().read_results(context).errD();
  for (int i = 0; i < 40; ++i) trainer.engine().train_step();
  const StepResults results = trainer.engine().step().read_results(context);
  CHECK(results.errD() < first);
  CHECK(results.D_x > results.D_G_z1);
  CHECK(results.finite);
  CHECK(test::state_of(context, trainer.engine().generator()) != generator);
}

TEST_CASE("a number that is not finite ends the run with the step and keeps the checkpoint") {
  RunOptions options = test::tiny_options();
  test::TemporaryFolder folder;
  options.out = folder.path().string();
  options.checkpoint_every = 2;
  options.steps = 6;
  const Context context(Device{});
  const Dataset dataset = load_dataset(dataset_options(options));
  Trainer trainer(context, options, dataset);
  struct Poison : TrainingObserver {
    explicit Poison(Trainer& t) : trainer(t) {}
    void on_step(const LogRecord& record) override {
      if (record.step != 3) return;
      trainer.engine().generator().parameters().flat(ParameterArray::values).as<float>()[0] = NAN;
    }
    Trainer& trainer;
  } poison(trainer);
  try {
    trainer.run(poison, kGoOn);
    FAIL("did not notice");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::diverged);
    CHECK_THAT(error.what(), Contains("step 4") && Contains("step_00000002"));
  }
  CHECK(find_checkpoint(folder.path(), [](const std::string&) {}).filename() == "step_00000002");
}

TEST_CASE("the run stops for the reason that comes first") {
  const Context context(Device{});
  const auto reason = [&](RunOptions options) {
    test::TemporaryFolder folder;
    options.out = folder.path().string();
    const Dataset dataset = load_dataset(dataset_options(options));
    Trainer trainer(context, options, dataset);
    TrainingObserver nobody;
    return trainer.run(nobody, kGoOn);
  };
  RunOptions options = test::tiny_options();
  options.epochs = 2;
  TrainingOutcome outcome = reason(options);
  CHECK(outcome.reason == StopReason::epochs);
  CHECK(outcome.step == 10);  // 22 images are 5 batches of 4
  options.steps = 3;
  outcome = reason(options);
  CHECK(outcome.reason == StopReason::steps);
  CHECK(outcome.step == 3);
  options.max_seconds = 1e-9;
  outcome = reason(options);
  CHECK(outcome.reason == StopReason::time);
  CHECK(outcome.step == 1);
  options = test::tiny_options();
  options.stop_at_equilibrium = true;
  options.equilibrium_margin = 0.5;  // any accuracy will do
  options.equilibrium_steps = 7;
  outcome = reason(options);
  CHECK(outcome.reason == StopReason::equilibrium);
  CHECK(outcome.step == 7);
}

TEST_CASE("the equilibrium must be kept, not only crossed") {
  EquilibriumDetector detector(0.05, 3);
  for (int i = 0; i < 1000; ++i) detector.observe(i % 2 == 0 ? 1.0 : 0.9);
  CHECK_FALSE(detector.reached());
  for (int i = 0; i < 1000 && !detector.reached(); ++i) detector.observe(0.5);
  CHECK(detector.reached());
  CHECK(detector.state().smoothed == Approx(0.5).margin(0.05));
  detector.observe(1.0);
  detector.observe(1.0);
  for (int i = 0; i < 20; ++i) detector.observe(1.0);
  CHECK_FALSE(detector.reached());
}

TEST_CASE("a data set smaller than a batch is refused with both counts") {
  RunOptions options = test::tiny_options();
  options.batch_size = 23;
  test::TemporaryFolder folder;
  options.out = folder.path().string();
  const Dataset dataset = load_dataset(dataset_options(options));
  const Context context(Device{});
  CHECK_THROWS_WITH(Trainer(context, options, dataset), Contains("22") && Contains("23"));
}
