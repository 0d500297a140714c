#include "models/training/step.h"

#include <algorithm>

#include "kernels/finite.h"

namespace dcgan {
namespace {

// The step's time line for the memory plan; no network has 100 blocks.
constexpr PassStages kGenerating{0, 500};
constexpr PassStages kOnBoth{100, 200};
constexpr PassStages kOnFake{300, 400};

StepMemory plan_inputs(const Network& generator, const Network& discriminator,
                       const StepConfig& config) {
  const std::int64_t n = config.batch;
  const std::int64_t nz = generator.blocks().front().conv.in_channels;
  const Shape latent{n, 1, 1, nz};
  const Shape image = block_output_shapes(generator.blocks(), latent).back();
  const std::int64_t channels = discriminator.blocks().front().conv.in_channels;
  if (image[3] != channels) {
    fail(ErrorKind::config, "step: the generator makes {} channels, the discriminator reads {}",
         image[3], channels);
  }
  StepMemory memory;
  memory.images = memory.plan.add("images real+fake", image.with_rows(2 * n), config.dtype);
  memory.latent = memory.plan.add("latent", latent, config.dtype);
  memory.real_labels = memory.plan.add("real labels", {n}, DType::f32);
  memory.results = memory.plan.add("results", {int{kDiscriminatorResults} + kGeneratorResults},
                                   DType::f32);
  memory.non_finite = memory.plan.add("non-finite flag", {1}, DType::i32);
  return memory;
}

Shape image_shape(const StepMemory& memory, std::int64_t rows) {
  return memory.plan.slots()[static_cast<std::size_t>(memory.images.index)].shape.with_rows(rows);
}

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

AdversarialStep::AdversarialStep(const Context& context, Network& generator,
                                 Network& discriminator, const StepConfig& config)
    : generator_(generator),
      discriminator_(discriminator),
      config_(config),
      memory_(plan_inputs(generator, discriminator, config)),
      generating_(context, generator.blocks(), memory_.plan,
                  {"G", {config.batch, 1, 1, generator.blocks().front().conv.in_channels}, 1,
                   kGenerating, config.dtype, /*own_output=*/false}),
      on_both_(context, discriminator.blocks(), memory_.plan,
               {"D(real+fake)", image_shape(memory_, 2 * config.batch), 2, kOnBoth, config.dtype}),
      on_fake_(context, discriminator.blocks(), memory_.plan,
               {"D(fake)", image_shape(memory_, config.batch), 1, kOnFake, config.dtype}) {
  for (Parameters* parameters : {&generator.parameters(), &discriminator.parameters()}) {
    if (!parameters->has_training_arrays()) parameters->make_training_arrays(context);
    if (config.dtype == DType::bf16 && parameters->flat_low_precision().empty()) {
      parameters->make_low_precision(context);
    }
  }
  const std::size_t workspace = std::max(
      {generating_.workspace_bytes(), on_both_.workspace_bytes(), on_fake_.workspace_bytes()});
  memory_.workspace =
      memory_.plan.add("workspace", {static_cast<std::int64_t>(workspace)}, DType::u8);
  memory_.plan.assign();
  arena_ = Arena(context, memory_.plan);
  fill_zero(context, arena_.view(memory_.results));
  fill_zero(context, arena_.view(memory_.non_finite));
  bind();
}

void AdversarialStep::bind() {
  images_ = arena_.view(memory_.images);
  const TensorView workspace = arena_.view(memory_.workspace);
  on_both_.bind(arena_, {images_, {}, /*input_gradient=*/{}, workspace});
  // D's gradient of the fakes is G's gradient of its output: the same memory.
  generating_.bind(arena_, {latent(), fake_images(), {}, workspace});
  on_fake_.bind(arena_, {fake_images(), {}, generating_.output_gradient(), workspace});
}

void AdversarialStep::update_discriminator(const Context& context, RealLabels labels) {
  generator_.forward(context, generating_, Pass::train);
  discriminator_.forward(context, on_both_, Pass::train);
  discriminator_loss(context, as_logits(on_both_.output()),
                     labels == RealLabels::per_image ? real_labels() : TensorView{},
                     as_logits(on_both_.output_gradient()), results(0, kDiscriminatorResults),
                     config_.loss);
  discriminator_.backward(context, on_both_, ParamGrads::overwrite);
  Parameters& parameters = discriminator_.parameters();
  flag_non_finite(context, parameters.flat(ParameterArray::gradients), memory_view(memory_.non_finite));
  optimizer_step(context, optimizer_arrays(parameters), config_.discriminator);
}

void AdversarialStep::update_generator(const Context& context) {
  discriminator_.forward(context, on_fake_, Pass::train);
  generator_loss(context, as_logits(on_fake_.output()), as_logits(on_fake_.output_gradient()),
                 results(kDiscriminatorResults, kGeneratorResults), config_.loss);
  discriminator_.backward(context, on_fake_, ParamGrads::skip);
  generator_.backward(context, generating_, ParamGrads::overwrite);
  Parameters& parameters = generator_.parameters();
  flag_non_finite(context, parameters.flat(ParameterArray::gradients), memory_view(memory_.non_finite));
  optimizer_step(context, optimizer_arrays(parameters), config_.generator);
}

StepResults AdversarialStep::read_results(const Context& context) {
  std::array<float, std::size_t{kDiscriminatorResults} + kGeneratorResults> host{};
  std::int32_t non_finite = 0;
  download(context, memory_view(memory_.results),
           TensorView(host.data(), {static_cast<std::int64_t>(host.size())}));
  download(context, memory_view(memory_.non_finite), TensorView(&non_finite, {1}));
  const float* generator = host.data() + kDiscriminatorResults;
  return {host[kErrDReal], host[kErrDFake], host[kDx],         host[kDGz1],
          host[kAccuracy], generator[kErrG], generator[kDGz2], non_finite == 0};
}

TensorView AdversarialStep::results(int first, int count) const {
  return memory_view(memory_.results).rows(first, count);
}

}  // namespace dcgan
