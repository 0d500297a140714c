// dcgan train

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>

#include "apps/commands.h"
#include "apps/device_choice.h"
#include "apps/messages.h"
#include "apps/progress.h"
#include "apps/run_option_flags.h"
#include "apps/stop_signals.h"
#include "models/checkpoint/checkpoint.h"
#include "models/run/run.h"
#include "runtime/base/mebibytes.h"
#include "runtime/comm/local_communicator.h"

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

// What to train, and from where.
struct Assignment {
  RunOptions options;
  fs::path checkpoint;  // empty: a fresh run
};

// An interrupted save leaves NAME.tmp, which is not a checkpoint.
bool holds_checkpoints(const fs::path& out) {
  const fs::path folder = out / "checkpoints";
  if (!fs::is_directory(folder)) return false;
  return std::any_of(fs::directory_iterator(folder), fs::directory_iterator(),
                     [](const auto& entry) { return entry.path().extension() != ".tmp"; });
}

// A resumed run has the saved options, except those that may change (OnResume::follows).
Assignment resumed(const TrainArguments& arguments, const RunOptions& asked) {
  Assignment result;
  result.checkpoint = find_checkpoint(asked.resume, print_warning);
  const RunOptions saved = checkpoint_options(result.checkpoint);
  result.options = arguments.flags.effective(saved);
  result.options.resume.clear();
  const std::vector<std::string> conflicts = resume_conflicts(saved, result.options);
  if (!conflicts.empty()) {
    std::string list;
    for (const std::string& conflict : conflicts) list += (list.empty() ? "" : ", ") + conflict;
    fail(ErrorKind::config, "resume {}: these cannot change in a run: {}",
         result.checkpoint.string(), list);
  }
  const fs::path folder = result.checkpoint.parent_path();
  if (!arguments.flags.given("out") && folder.filename() == "checkpoints") {
    result.options.out = folder.parent_path().string();
  }
  result.options.init_generator.clear();
  result.options.init_discriminator.clear();
  return result;
}

Assignment assignment_of(const TrainArguments& arguments) {
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
  Assignment result =
      options.resume.empty() ? Assignment{options, {}} : resumed(arguments, options);
  if (arguments.dry_run && !result.checkpoint.empty()) {
    fail(ErrorKind::config, "--dry-run: only for a new run, not to resume {}",
         result.checkpoint.string());
  }
  if (arguments.dry_run) {
    // A separate folder, so that the real run can use --out.
    result.options.steps = 1;
    result.options.out = (fs::path(result.options.out) / "dry-run").string();
  }
  return result;
}

void refuse_occupied(const Assignment& assignment) {
  const std::string& out = assignment.options.out;
  if (assignment.checkpoint.empty() && holds_checkpoints(out)) {
    fail(ErrorKind::config,
         "--out {}: holds checkpoints of another run; continue it with --resume {}, "
         "or choose another folder",
         out, out);
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

void report_streaming(const Loader& loader, const Dataset& dataset) {
  if (!loader.streams()) return;
  fmt::print(stderr, "data: {:.0f} MiB in host memory; the next batch is prefetched\n",
             mebibytes(dataset.images().bytes()));
}

TrainingOutcome train(const Assignment& assignment, const RunConfig& config) {
  const RunOptions& options = assignment.options;
  const Context context = open_run_device(options);
  const Dataset dataset = load_dataset(config.dataset);
  report_dataset(dataset);
  LocalCommunicator communicator;
  TrainingRun run(context, communicator, options, config, dataset);
  report_streaming(run.loader(), dataset);
  if (!assignment.checkpoint.empty()) {
    run.resume(assignment.checkpoint);
    fmt::print(stderr, "resumed from {} at step {}\n", assignment.checkpoint.string(),
               run.trainer().step());
  }
  Progress progress;
  TrainingOutcome outcome = run.run(progress, watch_stop_signals());
  progress.finish();
  fmt::print(stderr, "{} at step {} after {} of training; checkpoint {}\n",
             reason_text(outcome.reason), outcome.step,
             duration_text(run.trainer().trained_seconds()), outcome.checkpoint.string());
  return outcome;
}

int run_train(const TrainArguments& arguments) {
  const Assignment assignment = assignment_of(arguments);
  const RunConfig config = run_config(assignment.options);
  if (arguments.print_config) {
    std::fputs(to_json(assignment.options).c_str(), stdout);
    return 0;
  }
  if (arguments.dry_run) fs::remove_all(assignment.options.out);  // of an earlier dry run
  refuse_occupied(assignment);
  std::signal(SIGPIPE, SIG_IGN);  // training continues when the reader of the log ends
  apply_threads(assignment.options.threads);
  const TrainingOutcome outcome = train(assignment, config);
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
  return [arguments] { return run_train(*arguments); };
}

}  // namespace dcgan
