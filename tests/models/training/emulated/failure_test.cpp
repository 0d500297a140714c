// What goes wrong on the device, at every point of a short training: each failure is an Error that
// says what and where, nothing stays allocated, nothing hangs.
#include <regex>

#include "models/training/step_memory.h"
#include "tests/models/training/emulated/support.h"

using namespace dcgan;
using emulator::Fault;

namespace {

constexpr int kSteps = 2;  // the first call by call, the second captured and replayed

// Makes the 1st, 2nd, ... such call fail until the training passes; returns how many failed.
int fail_each_call(Fault fault, ErrorKind expected) {
  const test::SmallRun run;
  emulator::reset(1);
  const test::Trained whole = test::train(run, kSteps);
  for (int count = 1;; ++count) {
    emulator::reset(1);
    const emulator::Live before = emulator::live();
    emulator::fail_at(fault, count);
    INFO("failing call " << count);
    try {
      const bool same = test::train(run, kSteps) == whole;
      CHECK(same);
      return count - 1;
    } catch (const Error& error) {
      INFO(error.what());
      CHECK(error.kind() == expected);
      CHECK(std::string(error.what()).size() > 30);
    }
    emulator::reset(1);
    CHECK(emulator::live() == before);
    REQUIRE(count < 1000);
  }
}

}  // namespace

TEST_CASE("every allocation of a training that fails is reported as unavailable, without a leak") {
  // The data set, its order, weights, gradients, two moments and statistics of two networks, the
  // step, the graph.
  CHECK(fail_each_call(Fault::allocation, ErrorKind::unavailable) > 12);
}

TEST_CASE("every launch of a training that is refused is reported, without a leak") {
  CHECK(fail_each_call(Fault::launch, ErrorKind::internal) > 100);
}

TEST_CASE("every copy of a training that is refused is reported, without a leak") {
  CHECK(fail_each_call(Fault::copy, ErrorKind::internal) > 20);
}

TEST_CASE("a device that breaks in the middle of a step is reported where the host next waits") {
  const test::SmallRun run;
  for (const int count : {1, 40, 90, 150}) {
    INFO("node " << count);
    emulator::reset(1);
    const Context context(test::kGpu);
    test::EngineRig rig(context, run.options, run.dataset);
    TrainingEngine& engine = rig.engine;
    const auto train = [&] {
      for (int step = 0; step < kSteps; ++step) engine.train_step();
      test::result_of(context, engine);
    };
    emulator::fail_at(Fault::execution, count);
    CHECK_THROWS_WITH(train(), Contains("CUDA: ") && Contains("injected into"));
    CHECK_THROWS_WITH(train(), Contains("injected into"));  // it stays so
    emulator::reset(1);  // a broken device cannot free; a process would end here
  }
}

TEST_CASE("a batch that does not fit names need, free and the largest that does, which then fits") {
  emulator::reset(1);
  emulator::pretend({.memory_bytes = std::size_t{64} << 20});
  const test::SmallRun run;
  const Context context(test::kGpu);
  TrainingConfig config = run_config(run.options).training;
  Network generator(context, generator_blocks(config.model));
  Network discriminator(context, discriminator_blocks(config.model));
  config.batch = 5000;
  std::string message;
  try {
    const AdversarialStep step(context, generator, discriminator, config);
    FAIL("64 MiB hold a batch of 5000");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::unavailable);
    message = error.what();
  }
  INFO(message);
  CHECK_THAT(message, Contains("batch 5000 needs") && Contains("cuda:0 has") && Contains("free"));
  std::smatch found;
  REQUIRE(std::regex_search(message, found, std::regex("--batch-size ([0-9]+)")));
  config.batch = std::stoll(found[1]);
  CHECK(config.batch > 100);
  CHECK_NOTHROW(AdversarialStep(context, generator, discriminator, config));
  // The largest: one granule of 2 MiB more would be needed soon after.
  config.batch += config.batch / 8;
  CHECK_THROWS_AS(AdversarialStep(context, generator, discriminator, config), Error);
  emulator::reset(1);
}

TEST_CASE("when nothing fits it says so") {
  emulator::reset(1);
  emulator::pretend({.memory_bytes = std::size_t{4} << 20});
  const test::SmallRun run;
  const Context context(test::kGpu);
  const TrainingConfig config = run_config(run.options).training;
  Network generator(context, generator_blocks(config.model));
  Network discriminator(context, discriminator_blocks(config.model));
  const StepPlan plan(context, generator_blocks(config.model), discriminator_blocks(config.model),
                      config, step_plan_options(context, config));
  // The networks' arrays are there already; half of what the step needs is left.
  generator.parameters().make_training_arrays(context);
  discriminator.parameters().make_training_arrays(context);
  const Buffer rest(context, free_bytes(context) - plan.memory.bytes() / 2);
  CHECK_THROWS_WITH(AdversarialStep(context, generator, discriminator, config),
                    Contains("not even a batch of 1"));
  emulator::reset(1);
}
