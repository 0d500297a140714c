// dcgan bench: its help and its modes

#include <memory>

#include "apps/bench/modes.h"
#include "apps/commands.h"
#include "apps/start_ranks.h"
#include "runtime/base/errors.h"
#include "runtime/io/output_file.h"

namespace dcgan {

std::vector<std::int64_t> bench_batches(const BenchArguments& arguments,
                                        const RunOptions& options) {
  return arguments.batches.empty() ? std::vector<std::int64_t>{options.batch_size}
                                   : arguments.batches;
}

namespace {

int bench(const BenchArguments& arguments) {
  const Launch launch = find_launch(environment_variable);
  const std::optional<int> start = arguments.ranks.ranks_to_start(launch);
  if (start || launch.is_distributed()) {
    if (arguments.scaling) {
      fail(ErrorKind::config, "--scaling: predicts the step of several ranks from the time of one");
    }
    if (arguments.pipeline) fail(ErrorKind::config, "--pipeline: times the images of one rank");
  }
  if (!arguments.out.empty()) require_output_file("--out", arguments.out, FileKind::json);
  if (start) return start_ranks(*start);
  if (arguments.all_reduce) return bench_all_reduce(arguments);
  if (arguments.scaling) return bench_scaling(arguments);
  return bench_step(arguments);
}

}  // namespace

Command add_bench(CLI::App& app) {
  const auto arguments = std::make_shared<BenchArguments>(app);
  app.footer(
      "Times the training step (images in memory, noise drawn inside, nothing read back) and the\n"
      "generator (on the device: vectors drawn and images left there; to the host apart; at batch\n"
      "1 also its latency). The roofline is the least possible time: the arithmetic, or the bytes\n"
      "of this engine's plan, at the peak rates. `fused`: that of a step whose elementwise work\n"
      "all rides in the convolutions, one kernel after another, with weights and optimiser\n"
      "(dcgan info --roofline). dcgan_bench_ops times every operation by itself.\n"
      "\n"
      "--all-reduce times sums over all ranks; the slowest rank's times count. Bus bandwidth: "
      "what\n"
      "each rank of a ring sends, 2 (N-1)/N times the bytes.\n"
      "\n"
      "--scaling measures nothing but the step: it is a model of gradients that travel in buckets\n"
      "beside the backward passes. Weak: every GPU keeps its batch. Strong: the GPUs divide\n"
      "--world-batch, for which two batch sizes or more are needed. Times between them are\n"
      "interpolated; ~ marks those beyond. Links are those of H100 or H200 nodes with NVSwitch "
      "and\n"
      "a network port of 400 Gbit/s a GPU, unless given.\n"
      "\n"
      "Examples:\n"
      "  dcgan bench --preset pytorch --batches 16,64,128\n"
      "  dcgan bench --preset libtorch --precision bf16 --blocks --json\n"
      "  dcgan bench --pipeline --dataset folder --data faces/\n"
      "  dcgan bench --all-reduce --ranks 2 --device cpu --sizes 4,1048576\n"
      "  dcgan bench --scaling --step-ms 64:0.740,128:1.048,1024:5.856    # an H200, bf16");
  return [arguments] { return bench(*arguments); };
}

}  // namespace dcgan
