#include "models/generation/generator.h"

#include <algorithm>

#include "kernels/elementwise/convert.h"
#include "kernels/input/image_batch.h"

namespace dcgan {
namespace {

PassOptions eval_pass(const Network& network, std::int64_t batch, DType dtype, MemoryPlan& plan) {
  StageTable stages(plan);
  PassOptions options;
  options.stages = add_forward_stages(stages, "G", network.blocks());
  options.name = "G";
  options.input = {batch, 1, 1, network.blocks().front().conv.in_channels};
  options.dtype = dtype;
  return options;
}

}  // namespace

HostTensor draw_host_latent(RandomKey key, std::int64_t count, std::int64_t nz,
                            LatentDistribution distribution) {
  const Context host(Device{DeviceType::cpu, 0});
  HostTensor z({count, nz}, DType::f32);
  const std::int64_t step = 0;
  draw_latent(host, ConstTensorView(&step, {1}), z.view(), {key, distribution, 0});
  return z;
}

Generator::Generator(const Context& context, std::vector<BlockSpec> generator_blocks,
                     std::int64_t batch, DType dtype)
    : network_(context, std::move(generator_blocks)),
      batch_(batch),
      activations_(context, network_.blocks(), plan_, eval_pass(network_, batch, dtype, plan_)) {
  if (dtype == DType::bf16) network_.parameters().make_low_precision(context);
  const Shape images = activations_.blocks().back().output_shape;
  latent_ = plan_.add("latent", {batch, 1, 1, network_.blocks().front().conv.in_channels}, dtype);
  pixels_ = plan_.add("pixels", images, DType::u8);
  values_ = plan_.add("values", images, DType::f32);
  const SlotId workspace = plan_.add(
      "workspace", {static_cast<std::int64_t>(activations_.workspace_bytes().main)}, DType::u8);
  plan_.assign();
  arena_ = Arena(context, plan_);
  activations_.bind(arena_, {arena_.view(latent_), {}, {}, arena_.view(workspace), {}});
}

void Generator::copy_weights(const Context& context, const Network& trained, ParameterArray array) {
  network_.parameters().copy_from(context, trained.parameters(), array);
}

template <class Fetch>
void Generator::for_each_batch(const Context& context, const HostTensor& z, const Fetch& fetch) {
  const TensorView latent = arena_.view(latent_);
  const std::int64_t nz = latent.shape[3];
  if (z.shape().rank() != 2 || z.shape()[1] != nz) {
    fail(ErrorKind::config, "sample: latent vectors are {}, the generator takes [n, {}]",
         to_string(z.shape()), nz);
  }
  HostTensor rows({batch_, nz}, DType::f32);  // the last batch is filled up with what was there
  HostTensor staged({batch_, nz}, latent.dtype);
  const Context host(Device{DeviceType::cpu, 0});
  for (std::int64_t first = 0; first < z.shape()[0]; first += batch_) {
    const std::int64_t count = std::min(batch_, z.shape()[0] - first);
    copy(host, z.view().rows(first, count), rows.view().rows(0, count));
    if (latent.dtype == DType::f32) {
      upload(context, rows.view().reshaped(latent.shape), latent);
    } else {
      convert_type(host, rows.view(), staged.view());
      upload(context, staged.view().reshaped(latent.shape), latent);
    }
    network_.forward(context, activations_, Pass::eval);
    fetch(activations_.output(), first, count);
  }
}

HostTensor Generator::sample(const Context& context, const HostTensor& z) {
  const TensorView pixels = arena_.view(pixels_);
  HostTensor images(pixels.shape.with_rows(z.shape()[0]), DType::u8);
  for_each_batch(context, z, [&](const TensorView& output, std::int64_t first, std::int64_t count) {
    images_to_uint8(context, output, pixels);
    download(context, pixels.rows(0, count), images.view().rows(first, count));
  });
  return images;
}

HostTensor Generator::sample_values(const Context& context, const HostTensor& z) {
  const TensorView values = arena_.view(values_);
  HostTensor images(values.shape.with_rows(z.shape()[0]), DType::f32);
  for_each_batch(context, z, [&](const TensorView& output, std::int64_t first, std::int64_t count) {
    TensorView result = output;
    if (output.dtype != DType::f32) {
      convert_type(context, output, values);
      result = values;
    }
    download(context, result.rows(0, count), images.view().rows(first, count));
  });
  return images;
}

}  // namespace dcgan
