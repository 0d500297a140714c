// Timing the training step and the generator for any options, with what is needed to judge the
// times.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/data/loader.h"
#include "models/profiling/peak_rates.h"
#include "models/profiling/time_breakdown.h"
#include "models/profiling/timing.h"
#include "runtime/comm/communicator.h"
#include "runtime/device/graph.h"

namespace dcgan {

struct BenchmarkSettings {
  int warm_up = 3;
  int repeats = 10;
  bool blocks = false;   ///< also every block by itself
  bool generate = true;  ///< also the generator, at batch 1 and at the batch
};

struct BenchmarkResult {
  std::string task;  ///< "train", "generate", "latency", "sample", "data" or "block"
  std::string name;
  std::string note;  ///< why there is nothing to time; then `timing` is empty
  DType dtype = DType::f32;
  std::int64_t batch = 0;
  Timing timing;
  double images = 0;                    ///< made or learnt from in one repeat; 0: does not apply
  double flops = 0;                     ///< of one repeat; 0: does not apply
  double bytes = 0;                     ///< moved (by plan) in one repeat; 0: not counted
  double roofline_ms = 0;               ///< least time at the peak rates; 0: not counted
  double fused_ms = 0;                  ///< of a step: fused_step_seconds(); 0: not counted
  std::size_t memory_bytes = 0;         ///< of the step's plan and the parameters
  GraphSize graph;                      ///< of a step, on a GPU
  std::size_t device_bytes = 0;         ///< of the GPU, that networks, step and images took
  std::size_t peak_host_bytes = 0;      ///< of this process so far; 0: not read
  std::optional<StepTimes> step_times;  ///< of the training step

  double images_per_second() const { return images / (timing.median() * 1e-3); }
  double tflops() const { return flops / (timing.median() * 1e-3) * 1e-12; }
  double gb_per_second() const { return bytes / (timing.median() * 1e-3) * 1e-9; }
};

/// What is timed: an engine of `config` whose images come from a loader of `loader`.
struct BenchmarkSubject {
  TrainingConfig config;
  LoaderOptions loader;
};

/// The step, its blocks and the generator, on images of noise held in memory, eight batches. All
/// ranks call it with the same arguments; they step together, so that each one's time is that of
/// the slowest, and `images` are those of all ranks. Blocks and generator are a rank's own.
std::vector<BenchmarkResult> run_benchmark(const Context& context, Communicator& communicator,
                                           const BenchmarkSubject& subject,
                                           const BenchmarkSettings& settings,
                                           const PeakRates& peak_rates);

}  // namespace dcgan
