// A run in a folder of its own, and what hooks see of one.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "models/run/run.h"
#include "runtime/comm/local_communicator.h"
#include "tests/models/engine_rig.h"
#include "tests/models/support.h"

namespace dcgan::test {

inline const std::atomic<bool> kNeverStop{false};

/// Options of a tiny run into `folder`.
inline RunOptions options_in(const std::filesystem::path& folder,
                             RunOptions options = tiny_options()) {
  options.out = folder.string();
  return options;
}

/// A run with its data set and device.
struct TinyRun {
  explicit TinyRun(const RunOptions& options, Device device = {})
      : context(device),
        dataset(load_dataset(run_config(options).dataset)),
        run(context, communicator, options, run_config(options), dataset) {}

  TrainingOutcome to_the_end() {
    TrainingObserver nobody;
    return run.run(nobody, kNeverStop);
  }

  Context context;
  LocalCommunicator communicator;
  Dataset dataset;
  TrainingRun run;
};

/// What an observer hears, as lines.
struct Recorder : TrainingObserver {
  void on_step(const StepReport& report) override { add("step", report.step); }
  void on_log(const StepReport& report) override { add("log", report.step); }
  void on_file(const std::filesystem::path& path) override {
    lines.push_back("file " + path.filename().string());
  }
  void add(const char* what, std::int64_t step) {
    lines.push_back(std::string(what) + " " + std::to_string(step));
  }
  std::vector<std::string> lines;
};

/// An engine that nobody trains, and the context that a hook of its own gets.
struct HookSetup {
  explicit HookSetup(const RunOptions& options = tiny_options())
      : options(options),
        dataset(load_dataset(run_config(options).dataset)),
        rig(context, options, dataset) {}

  /// At `step`, with one scalar set.
  HookContext at(std::int64_t step, Scalar scalar = Scalar::errD, float value = 0) {
    return with_scalars(step, scalar, value, /*finite=*/true);
  }
  HookContext with_scalars(std::int64_t step, Scalar scalar, float value, bool finite) {
    HookContext run{.context = context,
                    .engine = rig.engine,
                    .observer = recorder,
                    .shard = {},
                    .folder = OutputFolder::fresh,
                    .report = {},
                    .checkpoint = {},
                    .state = [step] {
                      TrainingState state;
                      state.step = step;
                      return state;
                    }};
    std::array<float, kScalarSlots> slots{};
    for (const ScalarInfo& info : kScalars) {
      if (info.id == scalar) slots[static_cast<std::size_t>(info.slot)] = value;
    }
    run.report.step = step;
    run.report.scalars = Scalars(slots, finite);
    return run;
  }

  RunOptions options;
  Context context{Device{}};
  Dataset dataset;
  EngineRig rig;
  Recorder recorder;
};

inline std::string contents(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace dcgan::test
