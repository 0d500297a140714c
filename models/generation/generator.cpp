#include "models/generation/generator.h"

#include <algorithm>
#include <cstring>

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

/// Whether a convolution may write there: libraries want 16 bytes.
bool is_aligned(ConstTensorView view) {
  return reinterpret_cast<std::uintptr_t>(view.data) % 16 == 0;
}

}  // namespace

Generator::Slots Generator::add_slots(const Context& context, MemoryPlan& plan,
                                      const Activations& activations, const Shape& latent,
                                      const GeneratorOptions& options) {
  Slots slots;
  slots.latent = plan.add("latent", latent, dtype_of_activations(options.precision));
  slots.draw_step = plan.add("draw step", {1}, DType::i64);
  slots.next = plan.add("next batch", {1}, DType::i64);
  if (context.is_cuda()) {
    const Shape images = activations.blocks().back().output_shape;
    slots.host_latent = plan.add("host latent", {latent[0], latent[3]}, DType::f32);
    slots.host_images = plan.add("host images", images, DType::f32);
  }
  slots.workspace = plan.add(
      "workspace", {static_cast<std::int64_t>(activations.workspace_bytes().main)}, DType::u8);
  return slots;
}

MemoryPlan generator_memory_plan(const Context& context, const std::vector<BlockSpec>& blocks,
                                 const GeneratorOptions& options) {
  MemoryPlan plan;
  const FoldedNetwork folded(blocks, dtype_of_activations(options.precision), plan);
  const Activations activations(context, folded.blocks(), plan,
                                inference_pass(folded.blocks(), options, plan));
  Generator::add_slots(context, plan, activations, latent_shape(blocks, options.batch), options);
  plan.assign();
  return plan;
}

std::size_t generator_pinned_bytes(const Context& context, const std::vector<BlockSpec>& blocks,
                                   const GeneratorOptions& options) {
  if (!context.is_cuda()) return 0;
  const Shape latent = latent_shape(blocks, options.batch);
  const Shape images = block_output_shapes(blocks, latent).back();
  return static_cast<std::size_t>(latent.elements() + images.elements()) * sizeof(float);
}

Generator::Generator(const Context& context, std::vector<BlockSpec> blocks,
                     const GeneratorOptions& options)
    : options_(options),
      network_(context, std::move(blocks)),
      folded_(network_.blocks(), dtype_of_activations(options.precision), plan_),
      activations_(context, folded_.blocks(), plan_,
                   inference_pass(folded_.blocks(), options, plan_)),
      slots_(add_slots(context, plan_, activations_, latent_shape(network_.blocks(), options.batch),
                       options)) {
  plan_.assign();
  arena_ = Arena(context, plan_);
  folded_.bind(arena_);
  activations_.bind(arena_,
                    {arena_.view(slots_.latent), {}, {}, arena_.view(slots_.workspace), {}, {}});
  own_output_ = activations_.output();
  // A pass computes the whole batch: rows that no caller has filled yet must be numbers.
  fill_zero(context, arena_.view(slots_.latent));
  fill_zero(context, arena_.view(slots_.draw_step));
  fill_zero(context, arena_.view(slots_.next));
  if (!context.is_cuda()) return;
  fill_zero(context, arena_.view(slots_.host_latent));
  pinned_ = Buffer(context, generator_pinned_bytes(context, network_.blocks(), options_),
                   MemoryKind::pinned);
}

Shape Generator::images_shape(std::int64_t count) const {
  return activations_.blocks().back().output_shape.with_rows(count);
}

void Generator::change_weights(const Context& context,
                               const std::function<void(Network&)>& change) {
  change(network_);
  folded_.fold(context, network_.parameters());
}

void Generator::copy_weights(const Context& context, const Network& trained, ParameterArray array) {
  change_weights(context, [&](Network& network) {
    network.parameters().copy_from(context, trained.parameters(), array);
  });
}

void Generator::check_shape(const Shape& images, std::int64_t count) const {
  DCGAN_CHECK(images == images_shape(count), "generate: images are {}, expected {}",
              to_string(images), to_string(images_shape(count)));
}

void Generator::check_images(ConstTensorView images, std::int64_t count) const {
  check_shape(images.shape, count);
  DCGAN_CHECK(
      images.dtype == DType::f32 || images.dtype == DType::bf16 || images.dtype == DType::u8,
      "generate: images in {}, expected f32, bf16 or u8", name_of(images.dtype));
}

/// The first rows of the network's input, as vectors.
TensorView Generator::latent_rows(std::int64_t count) const {
  return arena_.view(slots_.latent).rows(0, count).reshaped({count, nz()});
}

void Generator::load_latent(const Context& context, ConstTensorView latent) {
  const TensorView input = latent_rows(latent.shape[0]);
  if (latent.dtype == input.dtype) {
    copy(context, latent, input);
  } else {
    convert_type(context, latent, input);
  }
}

/// The pass over what is loaded, its first rows to `images`: by the last convolution itself where
/// the caller takes what it makes.
void Generator::compute(const Context& context, TensorView images) {
  const bool direct =
      images.shape == own_output_.shape && images.dtype == own_output_.dtype && is_aligned(images);
  activations_.set_output(direct ? images : own_output_);
  folded_.forward(context, activations_);
  if (direct) return;
  const TensorView values = own_output_.rows(0, images.shape[0]);
  if (images.dtype == DType::u8) {
    images_to_uint8(context, values, images);
  } else if (images.dtype == values.dtype) {
    copy(context, values, images);
  } else {
    convert_type(context, values, images);
  }
}

void Generator::check_latent(ConstTensorView latent) const {
  const DType computed = dtype_of_activations(options_.precision);
  DCGAN_CHECK(latent.shape.rank() == 2 && latent.shape[1] == nz() && latent.shape[0] <= batch(),
              "generate: latent vectors are {}, expected (n, {}) with n <= {}",
              to_string(latent.shape), nz(), batch());
  DCGAN_CHECK(latent.dtype == DType::f32 || latent.dtype == computed,
              "generate: latent vectors in {}, expected f32 or {}", name_of(latent.dtype),
              name_of(computed));
}

void Generator::generate(const Context& context, ConstTensorView latent, TensorView images) {
  check_latent(latent);
  check_images(images, latent.shape[0]);
  if (latent.shape[0] == 0) return;
  load_latent(context, latent);
  compute(context, images);
}

void Generator::generate(const Context& context, ConstTensorView latent,
                         const StridedImages& images) {
  if (const std::optional<TensorView> tensor = as_tensor(images)) {
    return generate(context, latent, *tensor);
  }
  check_latent(latent);
  check_shape(images.shape, latent.shape[0]);
  if (latent.shape[0] == 0) return;
  load_latent(context, latent);
  compute(context, own_output_);
  store_images(context, own_output_.rows(0, latent.shape[0]), images);
}

void Generator::generate_to_host(const Context& context, ConstTensorView latent,
                                 const StridedImages& images) {
  if (!context.is_cuda()) return generate(context, latent, images);
  check_latent(latent);
  check_shape(images.shape, latent.shape[0]);
  if (latent.shape[0] == 0) return;
  const TensorView computed = arena_.view(slots_.host_images).rows(0, latent.shape[0]);
  const TensorView received(pinned_.data() + arena_.view(slots_.host_latent).bytes(),
                            computed.shape, computed.dtype);
  load_latent(context, latent);
  compute(context, computed);
  enqueue_download(context, computed, received);
  context.synchronize();
  store_images(host_, received, images);
}

void Generator::generate_next(const Context& context, TensorView images,
                              const LatentOptions& options) {
  check_images(images, batch());
  LatentOptions sequence = options;
  sequence.number = DrawNumber::batch;
  passes_.run(context, {PassBinding::Latent::drawn, sequence, images.data, images.dtype}, [&] {
    draw_next_latent(context, arena_.view(slots_.next), latent_rows(batch()), sequence);
    compute(context, images);
  });
}

void Generator::set_next(const Context& context, std::int64_t k) {
  upload(context, ConstTensorView(&k, {1}), arena_.view(slots_.next));
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
    const ConstTensorView vectors = z.view().rows(first, count);
    const TensorView to = images.view().rows(first, count);
    if (context.is_cuda()) {
      sample_batch(context, vectors, to);
    } else {
      generate(context, vectors, to);
    }
  }
  return images;
}

/// Of at most a batch, through pinned memory: the graph computes a whole batch, the copies are as
/// long as what is asked for.
void Generator::sample_batch(const Context& context, ConstTensorView z, TensorView images) {
  const TensorView latent = arena_.view(slots_.host_latent);
  const TensorView computed(arena_.view(slots_.host_images).data, images_shape(batch()),
                            images.dtype);
  const TensorView sent(pinned_.data(), z.shape, z.dtype);
  const TensorView received(pinned_.data() + latent.bytes(), images.shape, images.dtype);
  std::memcpy(sent.data, z.data, z.bytes());
  enqueue_upload(context, sent, latent.rows(0, z.shape[0]));
  passes_.run(context, {PassBinding::Latent::uploaded, {}, computed.data, computed.dtype}, [&] {
    load_latent(context, latent);
    compute(context, computed);
  });
  enqueue_download(context, computed.rows(0, z.shape[0]), received);
  context.synchronize();
  std::memcpy(images.data, received.data, images.bytes());
}

HostTensor Generator::sample(const Context& context, const HostTensor& z) {
  return sample_as(context, z, DType::u8);
}

HostTensor Generator::sample_values(const Context& context, const HostTensor& z) {
  return sample_as(context, z, DType::f32);
}

}  // namespace dcgan
