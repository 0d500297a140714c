// dcgan train

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>

#include "apps/assignment.h"
#include "apps/bus_errors.h"
#include "apps/commands.h"
#include "apps/device_choice.h"
#include "apps/messages.h"
#include "apps/progress.h"
#include "apps/start_ranks.h"
#include "apps/stop_signals.h"
#include "models/run/run.h"
#include "runtime/base/mebibytes.h"
#include "runtime/comm/connect.h"

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
  fmt::print(stderr, "data: {:.0f} MiB in host memory; the next batch is prefetched\n",
             mebibytes(dataset.images().bytes()));
}

// Rank 0 speaks for all.
void report_ranks(const Communicator& ranks, const Launch& launch) {
  if (ranks.size() == 1) return;
  fmt::print(stderr, "ranks: {} by {}, connected by {}\n", ranks.size(), launch.source,
             ranks.describe());
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
      fmt::print(stderr, "resumed from {} at step {}\n", assignment.checkpoint.string(),
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
    fmt::print(stderr, "{} at step {} after {} of training; checkpoint {}\n",
               reason_text(outcome.reason), outcome.step, duration_text(seconds),
               outcome.checkpoint.string());
  }
  return outcome;
}

TrainingOutcome train(const Assignment& assignment, const RunConfig& config, const Launch& launch) {
  const RunOptions& options = assignment.options;
  RunOptions on_rank = options;
  on_rank.device = device_of_rank(options.device, launch);
  const Context context = open_run_device(on_rank, launch.shard.rank == 0);
  const ConnectOptions connect{options.transport, options.comm_timeout, print_warning};
  const std::unique_ptr<Communicator> ranks = connect_ranks(context, launch, connect);
  if (launch.shard.rank == 0) report_ranks(*ranks, launch);
  watch_stop_signals();
  std::optional<Dataset> dataset;
  std::unique_ptr<TrainingRun> run;
  try {
    dataset = load_dataset(config.dataset);
    if (config.dataset.kind == DatasetKind::packed) {
      const std::span pixels(dataset->pixels.data(), dataset->pixels.size());
      explain_bus_errors(options.data, std::as_bytes(pixels));
    }
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
    if (shard.rank == 0) std::fputs(to_json(assignment.options).c_str(), stdout);
    return 0;
  }
  if (shard.rank == 0) {
    if (arguments.dry_run) {
      fs::remove_all(assignment.options.out);  // of an earlier dry run
    }
    refuse_occupied(assignment);
  }
  if (start) {
    arguments.ranks.require_gpus();
    return start_ranks(*start);
  }
  std::signal(SIGPIPE, SIG_IGN);  // training continues when the reader of the log ends
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
      "  dcgan train --gpus 8 --dataset folder --data faces/   # eight GPUs of this machine\n"
      "  torchrun --nproc-per-node 8 --no-python dcgan train --dataset folder --data faces/");
  return [arguments] { return run_train(*arguments); };
}

}  // namespace dcgan
