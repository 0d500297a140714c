#include "models/generation/generator.h"

#include <algorithm>

#include "kernels/elementwise/convert.h"
#include "kernels/input/image_batch.h"

namespace dcgan {
namespace {

Shape latent_shape(const std::vector<BlockSpec>& blocks, std::int64_t batch) {
  return {batch, 1, 1, blocks.front().conv.in_channels};
}

/// Adds the stages of the pass to `plan`.
PassOptions inference_pass(const std::vector<BlockSpec>& blocks, const GeneratorOptions& options,
                           MemoryPlan& plan) {
  DCGAN_CHECK(options.batch >= 1, "generator: a batch of {}", options.batch);
  StageTable stages(plan);
  PassOptions pass;
  pass.name = "G";
  pass.input = latent_shape(blocks, options.batch);
  pass.stages = add_forward_stages(stages, pass.name, blocks);
  pass.dtype = dtype_of_activations(options.precision);
  pass.convolutions = conv_policy(options.precision, options.tuning);
  return pass;
}

void write_images(const Context& context, ConstTensorView values, TensorView images) {
  if (images.dtype == DType::u8) {
    images_to_uint8(context, values, images);
  } else if (images.dtype == values.dtype) {
    copy(context, values, images);
  } else {
    convert_type(context, values, images);
  }
}

}  // namespace

Generator::Slots Generator::add_slots(MemoryPlan& plan, const Activations& activations,
                                      const Shape& latent, const GeneratorOptions& options) {
  const Shape images = activations.blocks().back().output_shape;
  Slots slots;
  slots.latent = plan.add("latent", latent, dtype_of_activations(options.precision));
  slots.draw_step = plan.add("draw step", {1}, DType::i64);
  slots.host_latent = plan.add("host latent", {latent[0], latent[3]}, DType::f32);
  slots.host_images = plan.add("host images", images, DType::f32);
  slots.workspace = plan.add(
      "workspace", {static_cast<std::int64_t>(activations.workspace_bytes().main)}, DType::u8);
  return slots;
}

MemoryPlan generator_memory_plan(const Context& context, const std::vector<BlockSpec>& blocks,
                                 const GeneratorOptions& options) {
  MemoryPlan plan;
  const Activations activations(context, blocks, plan, inference_pass(blocks, options, plan));
  Generator::add_slots(plan, activations, latent_shape(blocks, options.batch), options);
  plan.assign();
  return plan;
}

Generator::Generator(const Context& context, std::vector<BlockSpec> blocks,
                     const GeneratorOptions& options)
    : options_(options),
      network_(context, std::move(blocks)),
      activations_(context, network_.blocks(), plan_,
                   inference_pass(network_.blocks(), options, plan_)),
      slots_(
          add_slots(plan_, activations_, latent_shape(network_.blocks(), options.batch), options)) {
  if (dtype_of_activations(options.precision) == DType::bf16) {
    network_.parameters().make_low_precision(context);
  }
  plan_.assign();
  arena_ = Arena(context, plan_);
  activations_.bind(arena_,
                    {arena_.view(slots_.latent), {}, {}, arena_.view(slots_.workspace), {}, {}});
  // A pass computes the whole batch: rows that no caller has filled yet must be numbers.
  fill_zero(context, arena_.view(slots_.latent));
  fill_zero(context, arena_.view(slots_.draw_step));
}

Shape Generator::images_shape(std::int64_t count) const {
  return activations_.blocks().back().output_shape.with_rows(count);
}

void Generator::copy_weights(const Context& context, const Network& trained, ParameterArray array) {
  network_.parameters().copy_from(context, trained.parameters(), array);
}

void Generator::load_latent(const Context& context, ConstTensorView latent) {
  const TensorView input = arena_.view(slots_.latent).rows(0, latent.shape[0]);
  if (latent.dtype == input.dtype) {
    copy(context, latent, input);
  } else {
    convert_type(context, latent, input);
  }
}

void Generator::generate(const Context& context, ConstTensorView latent, TensorView images) {
  const DType computed = dtype_of_activations(options_.precision);
  DCGAN_CHECK(latent.shape.rank() == 2 && latent.shape[1] == nz() && latent.shape[0] <= batch(),
              "generate: latent vectors are {}, expected (n, {}) with n <= {}",
              to_string(latent.shape), nz(), batch());
  DCGAN_CHECK(latent.dtype == DType::f32 || latent.dtype == computed,
              "generate: latent vectors in {}, expected f32 or {}", name_of(latent.dtype),
              name_of(computed));
  const std::int64_t count = latent.shape[0];
  DCGAN_CHECK(images.shape == images_shape(count), "generate: images are {}, expected {}",
              to_string(images.shape), to_string(images_shape(count)));
  DCGAN_CHECK(
      images.dtype == DType::f32 || images.dtype == DType::bf16 || images.dtype == DType::u8,
      "generate: images in {}, expected f32, bf16 or u8", name_of(images.dtype));
  if (count == 0) return;
  load_latent(context, latent);
  network_.forward(context, activations_, Pass::eval);
  write_images(context, activations_.output().rows(0, count), images);
}

void Generator::draw(const Context& context, TensorView z, const LatentOptions& options) const {
  DCGAN_CHECK(z.shape.rank() == 2 && z.shape[1] == nz(), "draw: z is {}, expected (n, {})",
              to_string(z.shape), nz());
  draw_latent(context, arena_.view(slots_.draw_step), z, options);
}

HostTensor Generator::sample_as(const Context& context, const HostTensor& z, DType dtype) {
  if (z.shape().rank() != 2 || z.shape()[1] != nz()) {
    fail(ErrorKind::config, "sample: latent vectors are {}, the generator takes [n, {}]",
         to_string(z.shape()), nz());
  }
  HostTensor images(images_shape(z.shape()[0]), dtype);
  for (std::int64_t first = 0; first < z.shape()[0]; first += batch()) {
    const std::int64_t count = std::min(batch(), z.shape()[0] - first);
    const TensorView latent = arena_.view(slots_.host_latent).rows(0, count);
    const TensorView computed(arena_.view(slots_.host_images).data, images_shape(count), dtype);
    upload(context, z.view().rows(first, count), latent);
    generate(context, latent, computed);
    download(context, computed, images.view().rows(first, count));
  }
  return images;
}

HostTensor Generator::sample(const Context& context, const HostTensor& z) {
  return sample_as(context, z, DType::u8);
}

HostTensor Generator::sample_values(const Context& context, const HostTensor& z) {
  return sample_as(context, z, DType::f32);
}

}  // namespace dcgan
