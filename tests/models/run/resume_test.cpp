// A run that is cut anywhere and resumed equals a straight run, bit for bit.

#include "models/checkpoint/checkpoint.h"
#include "tests/models/run/support.h"

using namespace dcgan;

namespace {

struct Finished {
  std::vector<std::byte> generator;
  std::vector<std::byte> discriminator;
  friend bool operator==(const Finished&, const Finished&) = default;
};

// Trains to `steps`, from the newest checkpoint in the folder where there is one.
Finished train_to(Device device, RunOptions options, std::int64_t steps) {
  options.steps = steps;
  test::TinyRun tiny(options, device);
  if (std::filesystem::exists(std::filesystem::path(options.out) / "checkpoints")) {
    tiny.run.resume(find_checkpoint(options.out, [](const std::string&) {}));
  }
  tiny.to_the_end();
  return {test::state_of(tiny.context, tiny.run.engine().generator()),
          test::state_of(tiny.context, tiny.run.engine().discriminator())};
}

void check_resume_is_exact(const RunOptions& base) {
  for (const Device device : test::devices_under_test()) {
    test::TemporaryFolder folder;
    const RunOptions straight = test::options_in(folder / "straight", base);
    const RunOptions broken = test::options_in(folder / "broken", base);
    const Finished whole = train_to(device, straight, 8);
    train_to(device, broken, 3);  // 5 batches an epoch: in the middle of the first
    train_to(device, broken, 7);
    INFO(to_string(device));
    CHECK(train_to(device, broken, 8) == whole);
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
