// dcgan train

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>

#include "apps/commands.h"
#include "apps/device_choice.h"
#include "apps/progress.h"
#include "apps/run_option_flags.h"
#include "apps/stop_signals.h"
#include "models/run/trainer.h"
#include "runtime/base/parallel.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

struct TrainArguments {
  explicit TrainArguments(CLI::App& app) : flags(app, kAllGroups) {
    app.add_flag("--print-config", print_config, "print the effective configuration and exit")
        ->group("Run");
    app.add_flag("--dry-run", dry_run,
                 "train one step into OUT/dry-run, write every kind of file there, and exit")
        ->group("Run");
    app.add_option("--gpus,--ngpu", gpus, "number of GPUs: 1, or 0 for the CPU (--device cpu)")
        ->type_name("N")
        ->default_str("as --device")
        ->group("Run")
        ->check(CLI::Range(0, 1024));
  }
  RunOptionFlags flags;
  bool print_config = false;
  bool dry_run = false;
  int gpus = -1;
};

struct Plan {
  RunOptions options;
  fs::path checkpoint;  // empty: a fresh run
};

void warn(const std::string& message) { fmt::print(stderr, "warning: {}\n", message); }

// An interrupted save leaves NAME.tmp, which is not a checkpoint.
bool holds_checkpoints(const fs::path& out) {
  const fs::path folder = out / "checkpoints";
  if (!fs::is_directory(folder)) return false;
  return std::any_of(fs::directory_iterator(folder), fs::directory_iterator(),
                     [](const auto& entry) { return entry.path().extension() != ".tmp"; });
}

// A resumed run has the saved options, except those that may change (OnResume::follows).
Plan resumed(const TrainArguments& arguments, const RunOptions& asked) {
  Plan plan;
  plan.checkpoint = find_checkpoint(asked.resume, warn);
  const RunOptions saved = checkpoint_options(plan.checkpoint);
  plan.options = arguments.flags.effective(saved);
  plan.options.resume.clear();
  const std::vector<std::string> conflicts = resume_conflicts(saved, plan.options);
  if (!conflicts.empty()) {
    std::string list;
    for (const std::string& conflict : conflicts) list += (list.empty() ? "" : ", ") + conflict;
    fail(ErrorKind::config, "resume {}: these cannot change in a run: {}", plan.checkpoint.string(),
         list);
  }
  const fs::path folder = plan.checkpoint.parent_path();
  if (!arguments.flags.given("out") && folder.filename() == "checkpoints") {
    plan.options.out = folder.parent_path().string();
  }
  plan.options.init_generator.clear();
  plan.options.init_discriminator.clear();
  return plan;
}

Plan planned(const TrainArguments& arguments) {
  RunOptions options = arguments.flags.effective();
  if (arguments.gpus == 0) {
    if (options.device.kind == DeviceRequest::Kind::cuda) {
      fail(ErrorKind::config, "--gpus 0 contradicts --device {}", to_string(options.device));
    }
    options.device = {DeviceRequest::Kind::cpu};
  }
  if (arguments.gpus > 1) {
    fail(ErrorKind::config, "--gpus {}: this version trains on one device", arguments.gpus);
  }
  if (options.resume == "auto") {
    options.resume = holds_checkpoints(options.out) ? options.out : "";
  }
  Plan plan = options.resume.empty() ? Plan{options, {}} : resumed(arguments, options);
  if (arguments.dry_run && !plan.checkpoint.empty()) {
    fail(ErrorKind::config, "--dry-run: only for a new run, not to resume {}",
         plan.checkpoint.string());
  }
  if (arguments.dry_run) {
    // A folder of its own: the real run may follow into --out.
    plan.options.steps = 1;
    plan.options.out = (fs::path(plan.options.out) / "dry-run").string();
  }
  require_valid(plan.options);
  return plan;
}

void refuse_occupied(const Plan& plan) {
  if (plan.checkpoint.empty() && holds_checkpoints(plan.options.out)) {
    fail(ErrorKind::config,
         "--out {}: holds checkpoints of another run; continue it with --resume {}, "
         "or choose another folder",
         plan.options.out, plan.options.out);
  }
}

void report_dataset(const Dataset& dataset) {
  fmt::print(stderr, "data: {}, {} images {}x{}x{}\n", dataset.name, dataset.size(),
             dataset.shape[1], dataset.shape[2], dataset.shape[3]);
  for (const std::string& note : dataset.notes) fmt::print(stderr, "data: {}\n", note);
  for (const SkippedFile& file : dataset.skipped) {
    fmt::print(stderr, "data: skipped {}: {}\n", file.path, file.reason);
  }
}

const char* reason_text(StopReason reason) {
  switch (reason) {
    case StopReason::epochs:
      return "all epochs done";
    case StopReason::steps:
      return "all steps done";
    case StopReason::time:
      return "time limit reached";
    case StopReason::equilibrium:
      return "equilibrium reached";
    case StopReason::signal:
      return "stopped by a signal";
  }
  return "";
}

int train(const TrainArguments& arguments) {
  const Plan plan = planned(arguments);
  const RunOptions& options = plan.options;
  if (arguments.print_config) {
    std::fputs(to_json(options).c_str(), stdout);
    return 0;
  }
  if (arguments.dry_run) fs::remove_all(options.out);  // of an earlier dry run
  refuse_occupied(plan);
  std::signal(SIGPIPE, SIG_IGN);  // training continues when the reader of the log ends
  apply_threads(options.threads);
  const Context context = open_device(options.device, print_device_notice);
  const Dataset dataset = load_dataset(dataset_options(options));
  report_dataset(dataset);
  Trainer trainer(context, options, dataset);
  if (trainer.engine().streams_images()) {
    fmt::print(stderr, "data: {:.0f} MiB in host memory; the next batch is prefetched\n",
               static_cast<double>(dataset.images().bytes()) / (1 << 20));
  }
  if (!plan.checkpoint.empty()) {
    trainer.resume(plan.checkpoint);
    fmt::print(stderr, "resumed from {} at step {}\n", plan.checkpoint.string(),
               trainer.state().step);
  }
  Progress progress;
  const TrainingOutcome outcome = trainer.run(progress, watch_stop_signals());
  progress.finish();
  fmt::print(stderr, "{} at step {} after {} of training; checkpoint {}\n",
             reason_text(outcome.reason), outcome.step,
             duration_text(trainer.state().trained_seconds), outcome.checkpoint.string());
  return outcome.reason == StopReason::signal ? static_cast<int>(ErrorKind::preempted) : 0;
}

}  // namespace

Command add_train(CLI::App& app) {
  const auto arguments = std::make_shared<TrainArguments>(app);
  app.footer(
      "Examples:\n"
      "  dcgan train                                     # drawn digits, 64 px, into out/\n"
      "  dcgan train --dataset mnist --data mnist/ --preset libtorch --epochs 3\n"
      "  dcgan train --dataset folder --data faces/ --flip --out runs/faces\n"
      "  dcgan train --dataset cifar10 --data cifar/ --preset cifar32 --loss hinge\n"
      "  dcgan train --preset mnist32 --loss wgan --weight-clip 0.01 --optimizer rmsprop \\\n"
      "              --lr 5e-5 --d-steps 5\n"
      "  dcgan train --resume runs/faces --epochs 50     # continue to a later epoch");
  return [arguments] { return train(*arguments); };
}

}  // namespace dcgan
