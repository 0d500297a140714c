// The loop by itself: what it asks of hooks, when, and why it ends.

#include "models/run/trainer.h"

#include "tests/models/run/support.h"

using namespace dcgan;

namespace {

using Lines = std::vector<std::string>;

/// Writes down every call; what it needs is the test's.
class RecordingHook : public Hook {
 public:
  RecordingHook(std::string name, Lines& lines) : name_(std::move(name)), lines_(lines) {}

  std::function<Need(std::int64_t)> needs = [](std::int64_t) { return Need::nothing; };
  std::optional<std::int64_t> stops_after;

  Need need(std::int64_t step) const override { return needs(step); }
  void begin(HookContext& run) override { add("begin", run); }
  void on_results(HookContext& run) override {
    add("results", run);
    last_ = run.report.step;
  }
  void on_pause(HookContext& run) override { add("pause", run); }
  void end(HookContext& run, StopReason) override { add("end", run); }
  std::optional<StopReason> reason_to_stop() const override {
    if (!stops_after || last_ < *stops_after) return std::nullopt;
    return StopReason::equilibrium;
  }
  void save(StateJson& state) const override { state[name_] = last_; }
  void restore(const StateJson& state) override { read_entry(state, name_.c_str(), last_); }

 private:
  void add(const char* what, const HookContext& run) {
    lines_.push_back(name_ + " " + what + " " + std::to_string(run.report.step));
  }
  std::string name_;
  Lines& lines_;
  std::int64_t last_ = 0;
};

/// A loop over an engine on the CPU with two hooks.
struct Loop {
  explicit Loop(Device device = {})
      : context(device), dataset(load_dataset(run_config(options).dataset)) {
    for (const char* name : {"one", "two"}) {
      hooks.push_back(std::make_unique<RecordingHook>(name, recorder.lines));
    }
  }
  RecordingHook& hook(std::size_t index) { return static_cast<RecordingHook&>(*hooks[index]); }

  TrainingOutcome run(const TrainerOptions& trainer_options,
                      const std::atomic<bool>& stop = test::kNeverStop) {
    test::EngineRig rig(context, options, dataset);
    Trainer trainer(context, rig.communicator, rig.engine, hooks, trainer_options);
    return trainer.run(recorder, stop);
  }
  TrainingOutcome run_steps(std::int64_t steps) {
    return run({.schedule = {.steps = steps, .batches_per_epoch = 5}});
  }

  RunOptions options = test::tiny_options();
  Context context;
  Dataset dataset;
  test::Recorder recorder;
  Hooks hooks;
};

}  // namespace

TEST_CASE("hooks begin in order and end in the reverse order, whatever they need") {
  Loop loop;
  loop.run_steps(1);
  // The last step is read for the end.
  CHECK(loop.recorder.lines == Lines{"one begin 0", "two begin 0", "step 1", "one results 1",
                                     "two results 1", "two end 1", "one end 1"});
}

TEST_CASE("results that one hook needs are told to all of them, step by step") {
  Loop loop;
  loop.hook(1).needs = [](std::int64_t step) {
    return step % 2 == 0 ? Need::results : Need::nothing;
  };
  loop.run_steps(4);
  // On the CPU results are there at once.
  CHECK(loop.recorder.lines == Lines{"one begin 0", "two begin 0", "step 1", "one results 2",
                                     "two results 2", "step 2", "step 3", "one results 4",
                                     "two results 4", "step 4", "two end 4", "one end 4"});
}

TEST_CASE("a pause comes behind the step's results and is only its own hook's") {
  Loop loop;
  loop.hook(0).needs = [](std::int64_t step) { return step == 2 ? Need::pause : Need::nothing; };
  loop.run_steps(2);
  CHECK(loop.recorder.lines == Lines{"one begin 0", "two begin 0", "step 1", "step 2",
                                     "one results 2", "two results 2", "one pause 2", "two end 2",
                                     "one end 2"});
}

TEST_CASE("results come in the order of steps on every device, and now where they are needed now") {
  for (const Device device : test::devices_under_test()) {
    Loop loop(device);
    loop.hook(0).needs = [](std::int64_t step) {
      return step == 5 ? Need::results_now : Need::results;
    };
    loop.run_steps(12);
    Lines results;
    std::size_t fifth = 0, step_five = 0;
    for (std::size_t i = 0; i < loop.recorder.lines.size(); ++i) {
      const std::string& line = loop.recorder.lines[i];
      if (line.starts_with("one results")) results.push_back(line);
      if (line == "one results 5") fifth = i;
      if (line == "step 5") step_five = i;
    }
    INFO(to_string(device));
    Lines expected;
    for (int step = 1; step <= 12; ++step) {
      expected.push_back("one results " + std::to_string(step));
    }
    CHECK(results == expected);
    CHECK(fifth < step_five);
  }
}

TEST_CASE("the run stops for the reason that comes first") {
  Loop loop;
  const Schedule schedule{.epochs = 2, .batches_per_epoch = 5};
  TrainingOutcome outcome = loop.run({.schedule = schedule});
  CHECK(outcome.reason == StopReason::epochs);
  CHECK(outcome.step == 10);
  outcome = loop.run({.schedule = schedule, .max_seconds = 1e-9});
  CHECK(outcome.reason == StopReason::time);
  CHECK(outcome.step == 1);
  loop.hook(1).needs = [](std::int64_t) { return Need::results_now; };
  loop.hook(1).stops_after = 3;
  outcome = loop.run({.schedule = schedule});
  CHECK(outcome.reason == StopReason::equilibrium);
  CHECK(outcome.step == 3);
  const std::atomic<bool> stop{true};
  outcome = loop.run({.schedule = schedule}, stop);
  CHECK(outcome.reason == StopReason::signal);
  CHECK(outcome.step == 0);
}

TEST_CASE("a report says where in the run a step is") {
  Loop loop;
  struct : TrainingObserver {
    void on_step(const StepReport& report) override { last = report; }
    StepReport last;
  } observer;
  test::EngineRig rig(loop.context, loop.options, loop.dataset);
  loop.hook(0).needs = [](std::int64_t) { return Need::results; };
  const TrainerOptions options{.schedule = {.epochs = 3, .steps = 7, .batches_per_epoch = 5}};
  Trainer trainer(loop.context, rig.communicator, rig.engine, loop.hooks, options);
  trainer.run(observer, test::kNeverStop);
  CHECK(observer.last.step == 7);
  CHECK(observer.last.steps == 7);
  CHECK(observer.last.epoch == 1);
  CHECK(observer.last.batch == 1);
  CHECK(observer.last.epochs == 3);
  CHECK(observer.last.batches == 5);
  CHECK(observer.last.seconds_left == 0);
  CHECK(observer.last.images_per_second > 0);
  CHECK(observer.last.trained_seconds > 0);
  CHECK(observer.last.scalars[Scalar::errD] > 0);
}

TEST_CASE("state.json without a hook's entry is refused with the file's name") {
  test::TemporaryFolder folder;
  const RunOptions options = test::options_in(folder.path());
  test::TinyRun run(options);
  const RunOptions one_step = [&] {
    RunOptions changed = options;
    changed.steps = 1;
    return changed;
  }();
  const std::filesystem::path checkpoint = test::TinyRun(one_step).to_the_end().checkpoint;
  Loop loop;
  test::EngineRig rig(loop.context, loop.options, loop.dataset);
  Trainer trainer(loop.context, rig.communicator, rig.engine, loop.hooks, {});
  DCGAN_CHECK_FAILS(trainer.resume(checkpoint, OutputFolder::fresh), ErrorKind::bad_data,
                    "state.json");
}
