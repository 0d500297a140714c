#include "models/run/hooks/checkpoint.h"

#include "models/checkpoint/checkpoint.h"
#include "tests/models/run/support.h"

using namespace dcgan;
namespace fs = std::filesystem;

namespace {

struct Checkpoints {
  explicit Checkpoints(std::int64_t every = 2)
      : hook({folder.path(), to_json(setup.options), every, /*keep=*/2}) {}

  fs::path at(std::int64_t step) const {
    return folder / "checkpoints" / fmt::format("step_{:08}", step);
  }

  test::TemporaryFolder folder;
  test::HookSetup setup;
  CheckpointHook hook;
};

}  // namespace

TEST_CASE("a checkpoint is saved in a pause, with the run's state and options, and told") {
  Checkpoints checkpoints;
  CHECK(checkpoints.hook.need(2) == Need::pause);
  CHECK(checkpoints.hook.need(3) == Need::nothing);
  CHECK(Checkpoints(/*every=*/0).hook.need(2) == Need::nothing);
  HookContext run = checkpoints.setup.at(2);
  run.state = [] {
    TrainingState state;
    state.step = 2;
    state.parts["mine"] = 7;
    return state;
  };
  checkpoints.hook.begin(run);
  checkpoints.hook.on_pause(run);
  CHECK(run.checkpoint == checkpoints.at(2));
  CHECK(read_state(state_file(run.checkpoint)).parts.dump() == "{\"mine\":7}");
  CHECK(to_json(checkpoint_options(run.checkpoint)) == to_json(checkpoints.setup.options));
  CHECK(checkpoints.setup.recorder.lines == std::vector<std::string>{"file step_00000002"});
}

TEST_CASE("the end of a run is saved once") {
  Checkpoints checkpoints;
  HookContext run = checkpoints.setup.at(4);
  checkpoints.hook.begin(run);
  checkpoints.hook.on_pause(run);
  checkpoints.hook.end(run, StopReason::steps);
  CHECK(checkpoints.setup.recorder.lines.size() == 1);
  HookContext later = checkpoints.setup.at(5);
  checkpoints.hook.end(later, StopReason::signal);
  CHECK(fs::exists(checkpoints.at(5)));
}

TEST_CASE("a run that continues in its folder and makes no step saves nothing") {
  Checkpoints checkpoints;
  HookContext run = checkpoints.setup.at(4);
  run.folder = OutputFolder::continued;
  checkpoints.hook.begin(run);
  checkpoints.hook.end(run, StopReason::steps);
  CHECK_FALSE(fs::exists(checkpoints.at(4)));
  run.folder = OutputFolder::fresh;  // resumed from another folder: this one has none yet
  CheckpointHook elsewhere({checkpoints.folder.path(), "{}", 0, 0});
  elsewhere.begin(run);
  elsewhere.end(run, StopReason::steps);
  CHECK(fs::exists(checkpoints.at(4)));
}
