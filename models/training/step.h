// The adversarial step: the algorithm of Goodfellow et al. 2014 in the order of
// pytorch/examples/dcgan, with one discriminator pass over real and fake images together.
//
// Everything is enqueued on the context's stream; nothing is allocated and the host never waits, so
// that on a GPU a whole step is one CUDA graph.
#pragma once

#include <array>
#include <cstdint>

#include "models/networks/network.h"
#include "models/training/step_plan.h"

namespace dcgan {

/// What one step reports. Sources: kernels/loss.h.
struct StepResults {
  float errD_real = 0;
  float errD_fake = 0;
  float D_x = 0;
  float D_G_z1 = 0;    ///< D(G(z)) before the discriminator's update
  float accuracy = 0;  ///< of the discriminator, 0..1
  float errG = 0;
  float D_G_z2 = 0;    ///< D(G(z)) after it
  bool finite = true;  ///< of every gradient since the step was made

  float errD() const { return errD_real + errD_fake; }
};

/// StepResults as the device writes them.
struct RawStepResults {
  std::array<float, std::size_t{kDiscriminatorResults} + kGeneratorResults> values;
  std::int32_t non_finite;

  StepResults decoded() const;
};

enum class RealLabels {
  constant,   ///< LossOptions::real_label for every image
  per_image,  ///< what real_labels() holds
};

/// The passes of a step, for programs that time them one by one.
struct StepPasses {
  Activations& generating;
  Activations& on_both;
  Activations& on_fake;
};

class AdversarialStep {
 public:
  /// Plans and allocates. Both networks must outlive the step and get moments here if they have
  /// none.
  AdversarialStep(const Context& context, Network& generator, Network& discriminator,
                  const StepConfig& config);

  // Inputs: written by the caller, on the same stream, before update_discriminator.
  TensorView real_images() const { return images_.rows(0, config_.batch); }  // (N, H, W, C)
  TensorView latent() const { return view(plan_.latent); }                   // (N, 1, 1, nz)
  TensorView real_labels() const { return view(plan_.real_labels); }         // (N)

  /// The generator draws fakes from latent(); the discriminator learns from real and fake.
  void update_discriminator(const Context& context, RealLabels labels = RealLabels::constant);
  /// The generator learns from the updated discriminator on the fakes of the last
  /// update_discriminator.
  void update_generator(const Context& context);

  /// Waits for the stream and reads the results of the last updates.
  StepResults read_results(const Context& context) const;
  /// The same without waiting: enqueues the copy to `host`, pinned on a GPU, which holds the
  /// results when an Event recorded behind is done.
  void enqueue_results(const Context& context, RawStepResults& host) const;

  const StepConfig& config() const { return config_; }
  /// Learning rates and the like may change between steps.
  StepConfig& mutable_config() { return config_; }
  StepPasses passes() { return {plan_.generating, plan_.on_both, plan_.on_fake}; }
  const MemoryPlan& memory_plan() const { return plan_.memory; }
  TensorView fake_images() const { return images_.rows(config_.batch, config_.batch); }

 private:
  TensorView view(SlotId slot) const { return arena_.view(slot); }
  TensorView results(int first, int count) const { return view(plan_.results).rows(first, count); }
  void bind();

  Network& generator_;
  Network& discriminator_;
  StepConfig config_;
  StepPlan plan_;
  Arena arena_;
  TensorView images_;
};

}  // namespace dcgan
