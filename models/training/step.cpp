#include "models/training/step.h"

#include "kernels/elementwise/finite.h"
#include "models/training/step_memory.h"

namespace dcgan {
namespace {

OptimizerArrays optimizer_arrays(Parameters& parameters) {
  return {parameters.flat(ParameterArray::values),
          parameters.flat(ParameterArray::gradients),
          parameters.flat(ParameterArray::first_moment),
          parameters.flat(ParameterArray::second_moment),
          parameters.step(),
          parameters.has_ema() ? parameters.flat(ParameterArray::ema) : TensorView{},
          parameters.flat_low_precision()};
}

TensorView as_logits(const TensorView& output) { return output.reshaped({output.elements()}); }

}  // namespace

AdversarialStep::AdversarialStep(const Context& context, Network& generator, Network& discriminator,
                                 const StepConfig& config)
    : generator_(generator),
      discriminator_(discriminator),
      config_(config),
      plan_(context, generator.blocks(), discriminator.blocks(), config) {
  for (Parameters* parameters : {&generator.parameters(), &discriminator.parameters()}) {
    if (!parameters->has_training_arrays()) parameters->make_training_arrays(context);
    if (config.dtype == DType::bf16 && parameters->flat_low_precision().empty()) {
      parameters->make_low_precision(context);
    }
  }
  // After the networks' arrays: what is free now is the step's.
  arena_ = allocate_step(context, plan_, generator.blocks(), discriminator.blocks(), config);
  fill_zero(context, view(plan_.results));
  fill_zero(context, view(plan_.non_finite));
  bind();
}

void AdversarialStep::bind() {
  images_ = view(plan_.images);
  const TensorView workspace = view(plan_.workspace);
  plan_.on_both.bind(arena_, {images_, {}, /*input_gradient=*/{}, workspace});
  // D's gradient of the fakes is G's gradient of its output: the same memory.
  plan_.generating.bind(arena_, {latent(), fake_images(), {}, workspace});
  plan_.on_fake.bind(arena_, {fake_images(), {}, plan_.generating.output_gradient(), workspace});
}

void AdversarialStep::update_discriminator(const Context& context, RealLabels labels) {
  generator_.forward(context, plan_.generating, Pass::train);
  discriminator_.forward(context, plan_.on_both, Pass::train);
  discriminator_loss(context, as_logits(plan_.on_both.output()),
                     labels == RealLabels::per_image ? real_labels() : TensorView{},
                     as_logits(plan_.on_both.output_gradient()), results(0, kDiscriminatorResults),
                     config_.loss);
  discriminator_.backward(context, plan_.on_both, ParamGrads::overwrite);
  Parameters& parameters = discriminator_.parameters();
  detect_non_finite(context, parameters.flat(ParameterArray::gradients), view(plan_.non_finite));
  optimizer_step(context, optimizer_arrays(parameters), config_.discriminator);
}

void AdversarialStep::update_generator(const Context& context) {
  discriminator_.forward(context, plan_.on_fake, Pass::train);
  generator_loss(context, as_logits(plan_.on_fake.output()),
                 as_logits(plan_.on_fake.output_gradient()),
                 results(kDiscriminatorResults, kGeneratorResults), config_.loss);
  discriminator_.backward(context, plan_.on_fake, ParamGrads::skip);
  generator_.backward(context, plan_.generating, ParamGrads::overwrite);
  Parameters& parameters = generator_.parameters();
  detect_non_finite(context, parameters.flat(ParameterArray::gradients), view(plan_.non_finite));
  optimizer_step(context, optimizer_arrays(parameters), config_.generator);
}

void AdversarialStep::enqueue_results(const Context& context, RawStepResults& host) const {
  const TensorView values = view(plan_.results);
  enqueue_download(context, values, TensorView(host.values.data(), values.shape));
  enqueue_download(context, view(plan_.non_finite), TensorView(&host.non_finite, {1}));
}

StepResults AdversarialStep::read_results(const Context& context) const {
  RawStepResults host{};
  enqueue_results(context, host);
  context.synchronize();
  return host.decoded();
}

StepResults RawStepResults::decoded() const {
  const float* generator = values.data() + kDiscriminatorResults;
  return {values[kErrDReal], values[kErrDFake], values[kDx],      values[kDGz1],
          values[kAccuracy], generator[kErrG],  generator[kDGz2], non_finite == 0};
}

}  // namespace dcgan
