#include "models/training/step_plan.h"

#include <algorithm>

namespace dcgan {
namespace {

// The step's time line for the memory plan; no network has 100 blocks.
// D's backward pass over the fakes writes the gradient of G's output.
constexpr PassStages kOnBoth{100, 200};
constexpr PassStages kOnFake{300, 400};
constexpr PassStages kGenerating{0, 500, /*output_gradient=*/kOnFake.backward};

Shape latent_shape(const std::vector<BlockSpec>& generator, std::int64_t n) {
  return {n, 1, 1, generator.front().conv.in_channels};
}

Shape image_shape(const std::vector<BlockSpec>& generator,
                  const std::vector<BlockSpec>& discriminator, std::int64_t n) {
  const Shape image = block_output_shapes(generator, latent_shape(generator, n)).back();
  const std::int64_t channels = discriminator.front().conv.in_channels;
  if (image[3] != channels) {
    fail(ErrorKind::config, "step: the generator makes {} channels, the discriminator reads {}",
         image[3], channels);
  }
  return image;
}

}  // namespace

StepPlan::StepPlan(const Context& context, const std::vector<BlockSpec>& generator,
                   const std::vector<BlockSpec>& discriminator, const StepConfig& config)
    : generating(context, generator, memory,
                 {"G", latent_shape(generator, config.batch), 1, kGenerating, config.dtype,
                  /*own_output=*/false, config.convolutions}),
      on_both(context, discriminator, memory,
              {"D(real+fake)", image_shape(generator, discriminator, 2 * config.batch), 2, kOnBoth,
               config.dtype, /*own_output=*/true, config.convolutions}),
      on_fake(context, discriminator, memory,
              {"D(fake)", image_shape(generator, discriminator, config.batch), 1, kOnFake,
               config.dtype, /*own_output=*/true, config.convolutions}) {
  const std::int64_t n = config.batch;
  images =
      memory.add("images real+fake", image_shape(generator, discriminator, 2 * n), config.dtype);
  latent = memory.add("latent", latent_shape(generator, n), config.dtype);
  real_labels = memory.add("real labels", {n}, DType::f32);
  results = memory.add("results", {int{kDiscriminatorResults} + kGeneratorResults}, DType::f32);
  non_finite = memory.add("non-finite flag", {1}, DType::i32);
  const std::size_t scratch = std::max(
      {generating.workspace_bytes(), on_both.workspace_bytes(), on_fake.workspace_bytes()});
  workspace = memory.add("workspace", {static_cast<std::int64_t>(scratch)}, DType::u8);
  memory.assign();
}

}  // namespace dcgan
