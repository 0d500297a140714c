#include "models/run/run_config.h"

#include "tests/support/catch.h"

using namespace dcgan;

TEST_CASE("a run's configuration has one model, for networks and images alike") {
  RunOptions options;
  options.preset = "mnist32";
  options.image_size = 64;
  options.ngf = 8;
  options.d_steps = 3;
  options.seed = 5;
  options.batch_size = 12;
  const RunConfig config = run_config(options);
  CHECK(config.training.model == ModelConfig{NetworkFamily::dcgan, 64, 1, 100, 8, 64});
  CHECK(config.dataset.image_size == 64);
  CHECK(config.dataset.channels == 1);
  CHECK(config.training.batch == 12);
  CHECK(config.loader.batch == 12);
  CHECK(config.training.discriminator_steps == 3);
  CHECK(config.loader.updates_per_step == 3);
  CHECK(config.training.seed == 5);
  CHECK(config.loader.seed == 5);
  CHECK(config.dataset.seed == 5);
}

TEST_CASE("the options of each network's optimiser are its own") {
  RunOptions options;
  options.lr = 1e-3;
  options.lr_d = 4e-4;
  options.loss = LossKind::wgan;
  options.weight_clip = 0.01;
  options.ema_decay = 0.5;
  const TrainingConfig config = run_config(options).training;
  CHECK(config.generator.learning_rate == 1e-3f);  // the common one
  CHECK(config.discriminator.learning_rate == 4e-4f);
  CHECK(config.generator.weight_clip == 0);
  CHECK(config.discriminator.weight_clip == 0.01f);
  CHECK(config.generator.ema_decay == 0.5f);
  CHECK(config.discriminator.ema_decay == 0);
}

TEST_CASE("values out of range and contradictions are refused with the option's name") {
  const auto refused = [](const char* name, const char* text, const char* in_message) {
    RunOptions options;
    set_option(options, name, text);
    INFO(name << " " << text);
    CHECK_THROWS_WITH(run_config(options), Contains(in_message));
  };
  refused("batch-size", "0", "--batch-size");
  refused("lr", "-1", "--lr");
  refused("beta2", "1", "--beta2");
  refused("real-label", "1.5", "--real-label");
  refused("image-size", "48", "48");
  refused("preset", "none", "pytorch");
  refused("dataset", "mnist", "--data");
  refused("weight-clip", "0.01", "--weight-clip");
  RunOptions wgan;
  wgan.loss = LossKind::wgan;
  wgan.stop_at_equilibrium = true;
  CHECK_THROWS_WITH(run_config(wgan), Contains("accuracy"));
  RunOptions hinge;
  hinge.loss = LossKind::hinge;
  hinge.real_label = 0.9;
  CHECK_THROWS_WITH(run_config(hinge), Contains("hinge"));
}
