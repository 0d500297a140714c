#include "models/training/step.h"

#include "models/training/step_memory.h"

namespace dcgan {
namespace {

TensorView as_logits(const TensorView& output) { return output.reshaped({output.elements()}); }

// A world of one is none: no other rank is ever waited for.
Communicator* others(Communicator* communicator) {
  return communicator == nullptr || communicator->size() == 1 ? nullptr : communicator;
}

StepPlanOptions plan_options(const Context& context, const TrainingConfig& config,
                             const StepOptions& asked) {
  const int ranks = asked.communicator == nullptr ? 1 : asked.communicator->size();
  StepPlanOptions options = step_plan_options(context, config, ranks);
  if (asked.image_stage != nullptr) options.image_stage = ImageStageUse::present;
  return options;
}

}  // namespace

AdversarialStep::AdversarialStep(const Context& context, Network& generator, Network& discriminator,
                                 const TrainingConfig& config, const StepOptions& options)
    : generator_(generator),
      discriminator_(discriminator),
      config_(config),
      image_stage_(options.image_stage),
      plan_(context, generator.blocks(), discriminator.blocks(), config,
            plan_options(context, config, options)),
      ranks_(context, others(options.communicator), config.ranks, generator, discriminator) {
  if (plan_.weights_workspace.valid()) side_.emplace(context);
  for (Parameters* parameters : {&generator.parameters(), &discriminator.parameters()}) {
    if (!parameters->has_training_arrays()) parameters->make_training_arrays(context);
    if (config.dtype() == DType::bf16 && parameters->flat_low_precision().empty()) {
      parameters->make_low_precision(context);
    }
  }
  // After the networks' arrays: what is free now is the step's.
  arena_ = allocate_step(context, plan_, generator.blocks(), discriminator.blocks(), config,
                         options.reserve_bytes);
  for (const SlotId slot :
       {plan_.scalars, plan_.non_finite, plan_.latent_draws, plan_.norm_tickets}) {
    fill_zero(context, view(slot));
  }
  set_hyper_parameters(context, hyper_parameters_of(config));
  bind();
}

void AdversarialStep::bind() {
  images_ = view(plan_.images);
  const bool staged = image_stage_ != nullptr;
  staged_images_ = staged ? view(plan_.staged_images) : images_;
  const TensorView workspace = view(plan_.workspace);
  const TensorView weights_workspace =
      plan_.weights_workspace.valid() ? view(plan_.weights_workspace) : TensorView{};
  const TensorView tickets = view(plan_.norm_tickets);
  plan_.generating().bind(arena_,
                          {latent(), fake_images(), {}, workspace, weights_workspace, tickets});
  plan_.on_both().bind(
      arena_, {staged_images_, {}, /*input_gradient=*/{}, workspace, weights_workspace, tickets});
  // Without an image stage D's gradient of the fakes is G's gradient of its output: the same
  // memory.
  const TensorView gradient =
      staged ? view(plan_.staged_gradient) : plan_.generating().output_gradient();
  plan_.on_fake().bind(arena_, {staged_images_.rows(config_.batch, config_.batch),
                                {},
                                gradient,
                                workspace,
                                weights_workspace,
                                tickets});
}

void AdversarialStep::enter(const Context& context, StageId stage) const {
  if (stage_observer_ != nullptr) stage_observer_->on_stage(context, stage);
}

void AdversarialStep::update_discriminator(const Context& context) {
  generator_.forward(context, plan_.generating(), Pass::train, forward_observers());
  if (image_stage_ != nullptr) {
    enter(context, plan_.at.stage_both);
    image_stage_->forward(context, images_, staged_images_);
  }
  discriminator_.forward(context, plan_.on_both(), Pass::train, forward_observers());
  enter(context, plan_.at.loss_both);
  const bool per_image = config_.real_labels == RealLabels::per_image;
  discriminator_loss(
      context,
      {as_logits(plan_.on_both().output()), labels(view(plan_.hyper_parameters)),
       per_image ? real_labels() : TensorView{}, as_logits(plan_.on_both().output_gradient()),
       scalars(0, kDiscriminatorResults), world_batch()},
      config_.loss.kind);
  backward(context, discriminator_, plan_.on_both(),
           discriminator_coefficients(view(plan_.hyper_parameters)));
}

void AdversarialStep::update_generator(const Context& context) {
  const StepPasses passes = this->passes();
  if (image_stage_ != nullptr) {
    enter(context, plan_.at.stage_fake);
    image_stage_->forward(context, fake_images(),
                          staged_images_.rows(config_.batch, config_.batch));
  }
  discriminator_.forward(context, passes.on_fake, Pass::train, forward_observers());
  enter(context, plan_.at.loss_fake);
  generator_loss(context,
                 {as_logits(passes.on_fake.output()), as_logits(passes.on_fake.output_gradient()),
                  scalars(kDiscriminatorResults, kGeneratorResults), world_batch()},
                 config_.loss.kind);
  // Beside the passes that follow; joined with the gradients.
  ranks_.reduce_results(context, view(plan_.scalars), branches());
  discriminator_.backward(context, passes.on_fake, ParamGrads::skip, forward_observers());
  if (image_stage_ != nullptr) {
    enter(context, plan_.at.stage_gradient);
    image_stage_->backward(context, view(plan_.staged_gradient),
                           passes.generating.output_gradient());
  }
  backward(context, generator_, passes.generating,
           generator_coefficients(view(plan_.hyper_parameters)));
}

// Backward and update. Beside the data gradients the side branch computes weight gradients and
// updates, block by block; gradients of several ranks travel on a third branch, and are updated
// there. Behind this call the main stream has them all.
void AdversarialStep::backward(const Context& context, Network& network, Activations& pass,
                               ConstTensorView coefficients) {
  const BlockUpdates updates(network.parameters(), coefficients, view(plan_.non_finite),
                             config_.generator.kind);
  GradientReduction reduction = ranks_.reduction(updates, network, branches());
  PassObservers observers = forward_observers();
  observers.gradients = &reduction;
  if (side_ && branches()) observers.weights = &*side_;
  network.backward(context, pass, ParamGrads::overwrite, observers);
  if (observers.weights != nullptr) observers.weights->join();
  ranks_.join(branches());
}

void AdversarialStep::set_hyper_parameters(const Context& context, const HyperParameters& values) {
  const DeviceHyperParameters device = to_device(values);
  const TensorView to = view(plan_.hyper_parameters);
  upload(context, ConstTensorView(&device, to.shape, to.dtype), to);
}

void AdversarialStep::enqueue_scalars(const Context& context, RawScalars& host) const {
  const TensorView values = scalars(0, kScalarSlots);
  enqueue_download(context, values, TensorView(host.slots.data(), values.shape));
  enqueue_download(context, view(plan_.non_finite), TensorView(&host.non_finite, {1}));
}

void AdversarialStep::enqueue_wishes(const Context& context, TensorView host) const {
  enqueue_download(context, scalars(kScalarSlots, kWishes), host);
}

Scalars AdversarialStep::read_scalars(const Context& context) const {
  RawScalars host;
  enqueue_scalars(context, host);
  context.synchronize();
  return host.decoded();
}

}  // namespace dcgan
