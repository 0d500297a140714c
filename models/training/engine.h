// Training without its surroundings: networks, real images, noise and the step, on one device. What
// a program uses that keeps its own time, logs and files; the trainer and the benchmark do.
#pragma once

#include "models/data/dataset.h"
#include "models/data/loader.h"
#include "models/networks/network.h"
#include "models/run/run_options.h"
#include "models/training/step.h"
#include "runtime/device/graph.h"

namespace dcgan {

/// How a run's options map onto a step.
StepConfig step_config(const RunOptions& options);

/// How a GPU gets a step.
enum class StepLaunch {
  graph,  ///< as one CUDA graph from the second step on
  eager,  ///< operation by operation: the same bits, for tests and comparisons
};

class TrainingEngine {
 public:
  /// Options must be valid. The context and the data set must outlive the engine. The networks get
  /// fresh weights of the seed, or those of --init-generator and --init-discriminator.
  TrainingEngine(const Context& context, const RunOptions& options, const Dataset& dataset);

  /// d-steps discriminator updates and one generator update. Enqueued.
  void train_step(StepLaunch launch = StepLaunch::graph);

  std::int64_t steps_done() const { return steps_done_; }
  /// Goes on behind a checkpoint: the images of the next step follow from it.
  void set_steps_done(std::int64_t steps) { steps_done_ = steps; }

  AdversarialStep& step() { return step_; }
  Network& generator() { return generator_; }
  const Network& generator() const { return generator_; }
  Network& discriminator() { return discriminator_; }
  const Network& discriminator() const { return discriminator_; }
  /// Whether images travel to the GPU at every step, for want of room there.
  bool streams_images() const { return loader_.streams(); }
  std::int64_t batches_per_epoch() const { return loader_.batches_per_epoch(); }
  /// Operations in the graph of a step; 0 on the CPU and before the second step.
  const GraphSize& graph_size() const { return graph_.size(); }

 private:
  void enqueue_step();

  const Context& context_;
  RunOptions options_;
  Network generator_;
  Network discriminator_;
  AdversarialStep step_;
  Loader loader_;  // last: what is free now may hold the images
  Graph graph_;
  bool warm_ = false;
  std::int64_t steps_done_ = 0;
};

}  // namespace dcgan
