// Training without its surroundings: two networks, the adversarial step and its graph, on one
// device. Real images come from an ImageSource, latent vectors from the seed or from a
// LatentSource. The engine knows no files, no program options and no data set; the trainer, trace
// replay and the benchmarks stand on it.
#pragma once

#include <cstdint>

#include "models/networks/network.h"
#include "models/training/step.h"
#include "models/training/step_inputs.h"
#include "models/training/training_config.h"
#include "runtime/comm/communicator.h"
#include "runtime/device/graph.h"

namespace dcgan {

/// How a GPU gets a step.
enum class StepLaunch {
  graph,  ///< as one CUDA graph from the second step on
  eager,  ///< operation by operation: the same bits, for tests and comparisons
};

class TrainingEngine {
 public:
  /// Plans and allocates everything. The networks get fresh weights of the seed. Context and
  /// communicator must outlive the engine. Throws Error(config) on an invalid configuration.
  TrainingEngine(const Context& context, Communicator& communicator, const TrainingConfig& config,
                 const StepOptions& options = {});

  /// Where real images come from; must outlive the engine's use of it. Needed before a step.
  void set_images(ImageSource& images);
  /// Latent vectors of the caller instead of random numbers of the seed.
  void set_latents(LatentSource& latents);

  /// discriminator_steps discriminator updates and one generator update. Enqueued.
  void train_step(StepLaunch launch = StepLaunch::graph);

  /// Parts of a step, for programs that look between them: select the step's images, then each of
  /// its updates `index` counted from 0, then the generator's. Enqueued.
  void begin_step();
  void update_discriminator(std::int64_t index);
  void update_generator();
  void end_step();

  std::int64_t steps_done() const { return steps_done_; }
  /// Continues behind a checkpoint: the images and the latent vectors of the next step follow from
  /// it.
  void set_steps_done(std::int64_t steps);

  /// Learning rates, labels and the like; a change takes effect with the next step, also when it is
  /// replayed as a graph.
  const HyperParameters& hyper_parameters() const { return hyper_parameters_; }
  void set_hyper_parameters(const HyperParameters& values);

  const TrainingConfig& config() const { return config_; }
  AdversarialStep& step() { return step_; }
  const AdversarialStep& step() const { return step_; }
  Network& generator() { return generator_; }
  const Network& generator() const { return generator_; }
  Network& discriminator() { return discriminator_; }
  const Network& discriminator() const { return discriminator_; }
  /// Operations in the graph of a step; 0 on the CPU and before the second step.
  const GraphSize& graph_size() const { return graph_.size(); }

 private:
  void enqueue_step();
  void draw_latents(std::int64_t index);

  const Context& context_;
  Communicator& communicator_;
  TrainingConfig config_;
  Shard shard_;
  HyperParameters hyper_parameters_;
  Network generator_;
  Network discriminator_;
  AdversarialStep step_;
  ImageSource* images_ = nullptr;
  LatentSource* latents_ = nullptr;
  Graph graph_;
  bool warm_ = false;
  std::int64_t steps_done_ = 0;
};

}  // namespace dcgan
