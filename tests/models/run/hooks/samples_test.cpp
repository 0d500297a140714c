#include "models/run/hooks/samples.h"

#include "tests/models/run/support.h"

using namespace dcgan;
namespace fs = std::filesystem;

namespace {

struct Samples {
  explicit Samples(const RunOptions& options = test::tiny_options())
      : setup(options),
        hook(setup.context, setup.rig.engine.config(), setup.dataset,
             {folder.path(), /*every=*/4, /*count=*/5}) {}

  test::TemporaryFolder folder;
  test::HookSetup setup;
  SamplesHook hook;
};

}  // namespace

TEST_CASE("a grid of samples asks for a pause at every n-th step and has its name") {
  Samples samples;
  CHECK(samples.hook.need(3) == Need::nothing);
  CHECK(samples.hook.need(8) == Need::pause);
  HookContext run = samples.setup.at(8);
  samples.hook.begin(run);
  samples.hook.on_pause(run);
  CHECK(fs::exists(samples.folder / "samples" / "step_00000008.png"));
  CHECK(samples.setup.recorder.lines == std::vector<std::string>{"file step_00000008.png"});
}

TEST_CASE("real images are shown once a run") {
  Samples samples;
  HookContext run = samples.setup.at(0);
  samples.hook.begin(run);
  const std::string shown = test::contents(samples.folder / "real.png");
  CHECK_FALSE(shown.empty());
  const std::string other = shown + "of before";
  test::write_plainly(samples.folder / "real.png", other);
  run.folder = OutputFolder::continued;
  samples.hook.begin(run);
  CHECK(test::contents(samples.folder / "real.png") == other);
  run.folder = OutputFolder::fresh;
  samples.hook.begin(run);
  CHECK(test::contents(samples.folder / "real.png") == shown);
}

TEST_CASE("before the first regular grid there are some at round steps") {
  const auto steps_of = [](std::int64_t every, std::int64_t last) {
    std::vector<std::int64_t> steps;
    for (std::int64_t step = 1; step <= last; ++step) {
      if (SamplesHook::need_of(step, every) == Need::pause) steps.push_back(step);
    }
    return steps;
  };
  using Steps = std::vector<std::int64_t>;
  CHECK(steps_of(500, 1500) == Steps{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 1500});
  CHECK(steps_of(4, 12) == Steps{1, 2, 4, 8, 12});
  CHECK(steps_of(1, 3) == Steps{1, 2, 3});
  CHECK(steps_of(0, 1000).empty());  // only at the end
}

TEST_CASE("the last grid is written whatever ended the run, a signal too") {
  Samples samples;
  HookContext run = samples.setup.at(8);
  samples.hook.begin(run);
  for (const StopReason reason : {StopReason::signal, StopReason::time}) {
    samples.hook.end(run, reason);
    CHECK(fs::exists(samples.folder / "samples.png"));
    fs::remove(samples.folder / "samples.png");
  }
}

TEST_CASE("samples are of the averaged generator where there is one") {
  RunOptions options = test::tiny_options();
  options.ema_decay = 0.9;
  Samples samples(options);
  HookContext run = samples.setup.at(8);
  samples.hook.begin(run);
  const auto grid = [&] {
    samples.hook.on_pause(run);
    return test::contents(samples.folder / "samples" / "step_00000008.png");
  };
  const std::string before = grid();
  const Parameters& parameters = samples.setup.rig.engine.generator().parameters();
  const auto negate = [&](ParameterArray array) {
    const TensorView view = parameters.flat(array);
    for (std::int64_t i = 0; i < view.elements(); ++i) view.as<float>()[i] *= -1;
  };
  negate(ParameterArray::values);
  CHECK(grid() == before);
  negate(ParameterArray::ema);
  CHECK(grid() != before);
}
