// The adversarial step: the algorithm of Goodfellow et al. 2014 in the order of
// pytorch/examples/dcgan, with one discriminator pass over real and fake images together.
//
// Everything is enqueued on the context's stream; nothing is allocated and the host never waits, so
// that on a GPU a whole step is one CUDA graph.
#pragma once

#include <cstdint>
#include <optional>

#include "models/networks/network.h"
#include "models/training/hyper_parameters.h"
#include "models/training/image_stage.h"
#include "models/training/scalars.h"
#include "models/training/step_plan.h"
#include "models/training/step_ranks.h"

namespace dcgan {

/// The passes of a step, for programs that time them one by one.
struct StepPasses {
  Activations& generating;
  Activations& on_both;
  Activations& on_fake;
};

struct StepOptions {
  ImageStage* image_stage = nullptr;     ///< null: none
  std::size_t reserve_bytes = 0;         ///< that the caller will allocate on the device later
  Communicator* communicator = nullptr;  ///< of all ranks, must outlive the step; null: one rank
};

class AdversarialStep {
 public:
  /// Plans and allocates. Networks, image stage and context must outlive the step. The networks get
  /// gradients and moments here if they have none. Throws as allocate_step (step_memory.h).
  AdversarialStep(const Context& context, Network& generator, Network& discriminator,
                  const TrainingConfig& config, const StepOptions& options = {});

  // Inputs: written by the caller, on the same stream, before update_discriminator.
  TensorView real_images() const { return images_.rows(0, config_.batch); }  // (N, H, W, C)
  TensorView latent() const { return view(plan_.latent); }                   // (N, 1, 1, nz)
  TensorView real_labels() const { return view(plan_.real_labels); }         // (N)
  /// (1) i64, for draw_next_latent: how many batches of latent vectors have been drawn.
  TensorView latent_draws() const { return view(plan_.latent_draws); }

  /// The generator draws fakes from latent(); the discriminator learns from real and fake.
  void update_discriminator(const Context& context);
  /// The generator learns from the updated discriminator on the fakes of the last
  /// update_discriminator.
  void update_generator(const Context& context);

  /// Takes effect for work enqueued from now on, also for graphs captured before. Waits for the
  /// upload.
  void set_hyper_parameters(const Context& context, const HyperParameters& values);

  /// Waits for the stream and reads the scalars of the last updates.
  Scalars read_scalars(const Context& context) const;
  /// The same without waiting: enqueues the copy to `host`, pinned on a GPU, which holds the
  /// scalars when an Event recorded behind is done.
  void enqueue_scalars(const Context& context, RawScalars& host) const;

  /// A wish of this rank, from the next step on; not for a world of one.
  void ask(Wish wish, bool wanted) { ranks_.ask(wish, wanted); }
  /// Enqueues the copy of the last step's WishCounts over all ranks to `host` (kWishes) f32, pinned
  /// on a GPU.
  void enqueue_wishes(const Context& context, TensorView host) const;
  /// As StepRanks::enqueue_waits.
  void enqueue_waits(const Context& context, TensorView host) const {
    ranks_.enqueue_waits(context, host);
  }

  /// Marks the stage of what a caller enqueues to fill the inputs.
  void enter_input(const Context& context) const { enter(context, plan_.at.input); }

  /// Who hears of the step's stages while they are enqueued; null: nobody. With an observer all
  /// work is on one stream: a stage's time is then its own.
  void set_stage_observer(StageObserver* observer) { stage_observer_ = observer; }

  const TrainingConfig& config() const { return config_; }
  StepPasses passes() { return {plan_.generating(), plan_.on_both(), plan_.on_fake()}; }
  const StageTable& stages() const { return plan_.stages; }
  const StepPlan& plan() const { return plan_; }
  const MemoryPlan& memory_plan() const { return plan_.memory; }
  TensorView fake_images() const { return images_.rows(config_.batch, config_.batch); }

 private:
  TensorView view(SlotId slot) const { return arena_.view(slot); }
  TensorView scalars(int first, int count) const { return view(plan_.scalars).rows(first, count); }
  void enter(const Context& context, StageId stage) const;
  void bind();
  bool branches() const { return stage_observer_ == nullptr; }
  std::int64_t world_batch() const { return config_.batch * ranks_.size(); }
  PassObservers forward_observers() const {
    return {stage_observer_, nullptr, nullptr, ranks_.norm()};
  }
  void backward(const Context& context, Network& network, Activations& pass,
                ConstTensorView coefficients);

  Network& generator_;
  Network& discriminator_;
  TrainingConfig config_;
  ImageStage* image_stage_;
  StageObserver* stage_observer_ = nullptr;
  StepPlan plan_;
  StepRanks ranks_;
  std::optional<SideBranch> side_;  ///< of weight gradients and updates; only on a GPU
  Arena arena_;
  TensorView images_;
  TensorView staged_images_;  ///< what the discriminator reads: images_, or behind the image stage
};

}  // namespace dcgan
