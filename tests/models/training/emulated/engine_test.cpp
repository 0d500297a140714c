// The whole engine on the emulated device: what a GPU may reorder changes no bit, and a replayed
// step is the step.
#include <cmath>

#include "models/training/results_readback.h"
#include "tests/models/training/emulated/support.h"

using namespace dcgan;
using test::EngineRig;
using test::SmallRun;
using test::Trained;

namespace {

// Past the first epoch (4 steps), so that its order is drawn and uploaded twice.
constexpr int kSteps = 6;

SmallRun with(std::initializer_list<std::pair<const char*, const char*>> settings) {
  SmallRun run;
  for (const auto& [name, text] : settings) set_option(run.options, name, text);
  run_config(run.options);  // checks them
  return run;
}

// What differs in kinds of work: precisions, losses, several critic steps, averages and mirroring.
std::vector<SmallRun> kinds_of_run() {
  std::vector<SmallRun> runs;
  runs.push_back(SmallRun());
  runs.push_back(with({{"precision", "bf16"}}));
  runs.push_back(with({{"precision", "tf32"}, {"flip", "true"}, {"ema-decay", "0.9"}}));
  runs.push_back(with({{"loss", "wgan"},
                       {"weight-clip", "0.01"},
                       {"optimizer", "rmsprop"},
                       {"d-steps", "3"},
                       {"latent", "uniform"}}));
  runs.push_back(with({{"image-memory", "host"}, {"flip", "true"}, {"d-steps", "2"}}));
  return runs;
}

}  // namespace

TEST_CASE("any order of work that streams and events allow gives the same bits") {
  const SmallRun run;
  emulator::reset(1);
  const Trained expected = test::train(run, kSteps);
  CHECK(std::isfinite(expected.errD));
  for (const std::uint64_t seed : {2, 3, 5, 8, 13}) {
    emulator::reset(seed);
    INFO("seed " << seed);
    CHECK(test::train(run, kSteps) == expected);
  }
}

TEST_CASE("weight gradients and updates on a second stream have the bits of one stream") {
  const auto setting = [](const char* overlap) {
    return with({{"overlap", overlap}, {"precision", "bf16"}, {"ema-decay", "0.9"}});
  };
  emulator::reset(1);
  const Trained expected = test::train(setting("none"), kSteps);
  for (const std::uint64_t seed : {1, 2, 3, 5, 8, 13}) {
    for (const StepLaunch launch : {StepLaunch::eager, StepLaunch::graph}) {
      emulator::reset(seed);
      INFO("seed " << seed);
      CHECK(test::train(setting("branches"), kSteps, launch) == expected);
    }
  }
}

TEST_CASE("images prefetched from host memory give the bits of resident ones, in any order") {
  const auto setting = [](const char* memory) {
    return with({{"image-memory", memory}, {"flip", "true"}, {"d-steps", "2"}});
  };
  emulator::reset(1);
  const Trained expected = test::train(setting("device"), kSteps);
  for (const std::uint64_t seed : {1, 2, 3, 5, 8, 13}) {
    emulator::reset(seed);
    INFO("seed " << seed);
    CHECK(test::train(setting("host"), kSteps) == expected);
  }
}

TEST_CASE("a streamed run that continues at another step drops what was prefetched") {
  const SmallRun run = with({{"image-memory", "host"}});
  emulator::reset(4);
  const Context context(test::kGpu);
  EngineRig straight(context, run.options, run.dataset);
  straight.engine.train_step();
  EngineRig moved(context, run.options, run.dataset);
  moved.engine.set_steps_done(2);
  moved.engine.train_step();  // now the images of step 3 are being uploaded
  moved.engine.set_steps_done(0);
  moved.engine.train_step();
  CHECK(test::bytes_of(context, moved.engine.step().real_images()) ==
        test::bytes_of(context, straight.engine.step().real_images()));
}

TEST_CASE("images that do not fit on the device are streamed, and refused when told to be there") {
  emulator::reset(1);
  const SmallRun run;
  const Context context(test::kGpu);
  CHECK_FALSE(EngineRig(context, run.options, run.dataset).loader.streams());
  emulator::Identity small;
  small.memory_bytes = std::size_t{400} << 20;  // less than is kept free beside a resident set
  emulator::pretend(small);
  CHECK(EngineRig(context, run.options, run.dataset).loader.streams());
  SmallRun large = with({{"image-memory", "device"}});
  large.dataset.shape = large.dataset.shape.with_rows(std::int64_t{1} << 20);
  CHECK_THROWS_AS(EngineRig(context, large.options, large.dataset), Error);
  emulator::pretend({});
}

TEST_CASE("results are read back while later steps wait, and are those of their step") {
  const SmallRun run;
  emulator::reset(6);
  const Context context(test::kGpu);
  EngineRig rig(context, run.options, run.dataset);
  EngineRig other(context, run.options, run.dataset);
  TrainingEngine& engine = rig.engine;
  TrainingEngine& same = other.engine;
  for (int step = 0; step < 3; ++step) engine.train_step();
  context.synchronize();
  ResultsReadback readback(context, engine.steps_done());
  engine.train_step();
  const std::int64_t run_before = emulator::nodes_run();
  readback.request(engine.step(), engine.steps_done());
  engine.train_step();
  CHECK(emulator::nodes_run() == run_before);
  const ResultsReadback::Reading reading = readback.collect();
  for (int step = 0; step < 4; ++step) same.train_step();
  const Scalars expected = same.step().read_scalars(context);
  CHECK(reading.step == 4);
  CHECK(reading.steps == 1);
  CHECK(reading.seconds >= 0);
  CHECK(reading.scalars[Scalar::errD] == expected[Scalar::errD]);
  CHECK(reading.scalars[Scalar::errG] == expected[Scalar::errG]);
  CHECK(same.step().read_scalars(context)[Scalar::errG] !=
        engine.step().read_scalars(context)[Scalar::errG]);
}

TEST_CASE("a step replayed as a graph equals the step enqueued call by call, bit for bit") {
  for (const SmallRun& run : kinds_of_run()) {
    INFO(to_json(run.options));
    emulator::reset(1);
    const Trained eager = test::train(run, kSteps, StepLaunch::eager);
    emulator::reset(7);
    CHECK(test::train(run, kSteps, StepLaunch::graph) == eager);
  }
}

TEST_CASE(
    "the second GPU trains as the first, bit for bit, and nothing is allocated on the first") {
  const SmallRun run;
  emulator::reset(1);
  const Trained first = test::train(run, kSteps);
  emulator::reset(1);
  emulator::pretend({.devices = 2});
  const Context beside(test::kGpu);
  const std::size_t free_before = free_bytes(beside);
  const Device second{DeviceType::cuda, 1};
  const Context context(second);
  test::EngineRig rig(context, run.options, run.dataset);
  for (int step = 0; step < kSteps; ++step) rig.engine.train_step();
  CHECK(test::result_of(context, rig.engine) == first);
  CHECK(free_bytes(beside) == free_before);
  emulator::reset(1);
}

TEST_CASE("a replayed step allocates nothing and the host never waits for it") {
  for (const SmallRun& run : kinds_of_run()) {
    emulator::reset(1);
    const Context context(test::kGpu);
    EngineRig rig(context, run.options, run.dataset);
    TrainingEngine& engine = rig.engine;
    // The capture is in the second step; an allocation, a wait or a query inside would have failed.
    for (int step = 0; step < 2; ++step) engine.train_step();
    CHECK(engine.graph_size().nodes > 50);
    context.synchronize();
    const emulator::Live live = emulator::live();
    const std::int64_t run_before = emulator::nodes_run();
    engine.train_step();
    CHECK(emulator::live() == live);
    CHECK(emulator::nodes_run() == run_before);  // nothing has to have run when it returns
    CHECK(emulator::nodes_pending() > 0);
    CHECK(std::isfinite(test::result_of(context, engine).errG));
    CHECK(emulator::nodes_run() > run_before);
  }
}

TEST_CASE("TF32 and bf16 reach the convolutions, and change the numbers as far as they may") {
  const SmallRun exact;
  emulator::reset(1);
  const Trained expected = test::train(exact, 1);
  for (const auto& [precision, bits] : {std::pair{"tf32", 11}, {"bf16", 8}}) {
    const Trained rounded = test::train(with({{"precision", precision}}), 1);
    INFO(precision);
    CHECK(rounded.generator != expected.generator);
    // Losses of about one, through five layers whose factors are rounded to that many bits.
    CHECK(rounded.errD == Approx(expected.errD).epsilon(5 * std::ldexp(1.0, -bits)));
    CHECK(rounded.errD != expected.errD);
  }
}
