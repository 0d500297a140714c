// dcgan train

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <span>

#include "apps/assignment.h"
#include "apps/bus_errors.h"
#include "apps/commands.h"
#include "apps/data_path.h"
#include "apps/device_choice.h"
#include "apps/dry_run.h"
#include "apps/messages.h"
#include "apps/progress.h"
#include "apps/start_ranks.h"
#include "apps/stop_signals.h"
#include "models/run/option_defaults.h"
#include "models/run/run.h"
#include "runtime/base/mebibytes.h"
#include "runtime/comm/connect.h"
#include "runtime/io/folder_lock.h"
#include "runtime/io/output_file.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

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
  print_message("data: {:.0f} MiB in host memory; the next batch is prefetched",
                mebibytes(dataset.images().bytes()));
}

// Rank 0 speaks for all.
void report_ranks(const Communicator& ranks, const Launch& launch) {
  if (ranks.size() == 1) return;
  print_message("ranks: {} by {}, connected by {}", ranks.size(), launch.source, ranks.describe());
}

TrainingOutcome train_rank(const Assignment& assignment, const RunConfig& config,
                           const Context& context, Communicator& ranks,
                           std::unique_ptr<TrainingRun>& run, const Dataset& dataset) {
  const bool speaks = ranks.rank() == 0;
  if (speaks) print_dataset(dataset);
  run = std::make_unique<TrainingRun>(context, ranks, assignment.options, config, dataset);
  if (speaks) report_streaming(run->loader(), dataset);
  if (!assignment.checkpoint.empty()) {
    run->resume(assignment.checkpoint);
    if (speaks) {
      print_message("resumed from {} at step {}", assignment.checkpoint.string(),
                    run->trainer().step());
    }
  }
  Progress progress;
  TrainingObserver silence;
  TrainingOutcome outcome =
      run->run(speaks ? static_cast<TrainingObserver&>(progress) : silence, watch_stop_signals());
  progress.finish();
  const double seconds = run->trainer().trained_seconds();
  run.reset();  // its graph holds collectives
  ranks.finish();
  if (speaks) {
    print_message("{} at step {} after {} of training; checkpoint {}", reason_text(outcome.reason),
                  outcome.step, duration_text(seconds), outcome.checkpoint.string());
  }
  return outcome;
}

TrainingOutcome stopped_before_training() {
  print_message("{} before the first step: nothing is lost, nothing is saved",
                reason_text(StopReason::signal));
  return {StopReason::signal, 0, {}};
}

// Rank 0 writes, so it alone holds the folder.
void take_folder(const Assignment& assignment, std::optional<FolderLock>& lock) {
  const fs::path out = assignment.options.out;
  require_output_folder("--out", out);
  FolderLockOptions options;
  options.note = print_note;
  lock.emplace(out, std::move(options));
  if (!lock->left_behind().empty()) {
    print_note(fmt::format("{}: {} has ended without removing its lock; it is taken over",
                           out.string(), lock->left_behind()));
  }
  if (assignment.dry_run) prepare_dry_run(out);
  refuse_occupied(assignment);
}

TrainingOutcome train(const Assignment& assignment, const RunConfig& config, const Launch& launch) {
  const RunOptions& options = assignment.options;
  RunOptions on_rank = options;
  on_rank.device = device_of_rank(options.device, launch);
  const Context context = open_run_device(on_rank, launch.shard.rank == 0);
  const ConnectOptions connect{options.transport, options.comm_timeout, print_warning};
  const std::unique_ptr<Communicator> ranks = connect_ranks(context, launch, connect);
  if (launch.shard.rank == 0) report_ranks(*ranks, launch);
  std::optional<FolderLock> lock;
  std::optional<Dataset> dataset;
  std::unique_ptr<TrainingRun> run;
  try {
    require_data(config.dataset);
    if (launch.shard.rank == 0) take_folder(assignment, lock);
    defer_stop_signals();
    const bool alone = ranks->size() == 1;  // several agree behind a step
    if (alone && watch_stop_signals()) return stopped_before_training();
    dataset = load_dataset(config.dataset);
    if (config.dataset.kind == DatasetKind::packed) {
      const std::span pixels(dataset->pixels.data(), dataset->pixels.size());
      explain_bus_errors(options.data, std::as_bytes(pixels));
    }
    if (alone && watch_stop_signals()) return stopped_before_training();
    return train_rank(assignment, config, context, *ranks, run, *dataset);
  } catch (const std::exception& error) {
    // Before the run is taken down: a GPU may still wait for the others.
    ranks->abort(fmt::format("rank {} has ended: {}", launch.shard.rank, error.what()));
    throw;
  }
}

// The error of one rank among many says whose it is.
TrainingOutcome train_named(const Assignment& assignment, const RunConfig& config,
                            const Launch& launch) {
  try {
    return train(assignment, config, launch);
  } catch (const Error& error) {
    if (!launch.is_distributed()) throw;
    throw Error(error.kind(), fmt::format("rank {}: {}", launch.shard.rank, error.what()));
  }
}

int run_train(const TrainArguments& arguments) {
  const Launch launch = find_launch(environment_variable);
  const std::optional<int> start = arguments.ranks.ranks_to_start(launch);
  const Shard shard = start ? Shard{0, *start} : launch.shard;
  const Assignment assignment = assignment_of(arguments, shard);
  const RunConfig config = run_config(assignment.options);
  if (arguments.print_config) {
    if (shard.rank == 0) std::fputs(to_json(resolved(assignment.options)).c_str(), stdout);
    return 0;
  }
  if (start) {
    // Rank 0 locks the folder and prepares it; this process writes nothing.
    if (!arguments.dry_run) refuse_occupied(assignment);
    arguments.ranks.require_gpus();
    return start_ranks(*start);
  }
  share_cores(launch, assignment.options.threads);
  apply_threads(assignment.options.threads);
  const TrainingOutcome outcome = train_named(assignment, config, launch);
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
      "  dcgan train --resume runs/faces --epochs 50     # continue to a later epoch\n"
      "  dcgan train --init-from runs/faces --lr 5e-5 --out runs/fine   # a new run from its "
      "weights\n"
      "  dcgan train --gpus 8 --dataset folder --data faces/   # eight GPUs of this machine\n"
      "  torchrun --nproc-per-node 8 --no-python dcgan train --dataset folder --data faces/");
  return [arguments] { return run_train(*arguments); };
}

}  // namespace dcgan
