// The stages, the memory and the passes of an adversarial step, laid out without allocating
// anything, so that `info` can print what a run would need.
#pragma once

#include <vector>

#include "models/networks/activations.h"
#include "models/networks/stages.h"
#include "models/training/training_config.h"

namespace dcgan {

/// Whether an ImageStage stands between the images and the discriminator.
enum class ImageStageUse { none, present };

struct StepPlanOptions {
  ImageStageUse image_stage = ImageStageUse::none;
  Branch weights = Branch::main;  ///< where weight gradients are computed, and parameters updated
  NormStatistics norm_statistics = NormStatistics::local;  ///< exchanged: also of other ranks
};

/// Of a step as it runs on the context's device, without an image stage. `ranks`: of the world.
StepPlanOptions step_plan_options(const Context& context, const TrainingConfig& config,
                                  int ranks = 1);

struct StepPlan {
  StepPlan(const Context& context, const std::vector<BlockSpec>& generator,
           const std::vector<BlockSpec>& discriminator, const TrainingConfig& config,
           const StepPlanOptions& options);
  StepPlan(const StepPlan&) = delete;  // the stage table refers to the memory plan
  StepPlan& operator=(const StepPlan&) = delete;

  StepPlanOptions options;
  MemoryPlan memory;  ///< assigned
  StageTable stages{memory};

  // Stages besides those of the passes, in their order.
  struct Stages {
    StageId input;           ///< latent vectors and real images
    StageId stage_both;      ///< the image stage on real and fake
    StageId loss_both;       ///< the discriminator's loss
    StageId stage_fake;      ///< the image stage on fake
    StageId loss_fake;       ///< the generator's loss
    StageId stage_gradient;  ///< the image stage's gradient
  } at;
  // Stages of the passes.
  PassStages generating_stages, on_both_stages, on_fake_stages;

  SlotId images;             ///< (2N, H, W, C): real, then fake
  SlotId staged_images;      ///< (2N, H, W, C): behind the image stage; only with one
  SlotId staged_gradient;    ///< (N, H, W, C): its gradient, fake; only with one
  SlotId latent;             ///< (N, 1, 1, nz)
  SlotId latent_draws;       ///< (1) i64: latent vectors drawn so far, in batches
  SlotId real_labels;        ///< (N) f32
  SlotId scalars;            ///< (kScalarSlots + kWishes) f32: results, then wishes (step_ranks.h)
  SlotId non_finite;         ///< (1) i32
  SlotId hyper_parameters;   ///< one DeviceHyperParameters, u8
  SlotId norm_tickets;       ///< i32, zeros between operations: as of BatchNormLocal
  SlotId workspace;          ///< u8, shared by all operations of the main branch
  SlotId weights_workspace;  ///< u8, of weight gradients on the side branch; else not valid

  std::vector<Activations> passes;                 ///< three, named below
  Activations& generating() { return passes[0]; }  ///< G(z), into the second half of the images
  Activations& on_both() { return passes[1]; }     ///< D over real and fake
  Activations& on_fake() { return passes[2]; }     ///< the updated D over fake
  const Activations& generating() const { return passes[0]; }

 private:
  void add_stages(const std::vector<BlockSpec>& generator,
                  const std::vector<BlockSpec>& discriminator);
  void add_passes(const Context& context, const std::vector<BlockSpec>& generator,
                  const std::vector<BlockSpec>& discriminator, const TrainingConfig& config);
  void add_slots(const Shape& both, const Shape& latent_shape, const TrainingConfig& config);
};

}  // namespace dcgan
