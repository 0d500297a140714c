#include "models/training/engine.h"

#include "kernels/input/latent.h"
#include "models/networks/state_dict.h"
#include "runtime/device/profile_range.h"

namespace dcgan {
namespace {

RandomKey key(const RunOptions& options, RandomStream stream) {
  return {static_cast<std::uint64_t>(options.seed), stream};
}

void initialize(const Context& context, const RunOptions& options, RandomStream stream,
                const std::string& file, Network& network) {
  network.parameters().initialize(context, key(options, stream));
  if (!file.empty()) load_state_dict(context, SafetensorsFile(file), network);
}

}  // namespace

StepConfig step_config(const RunOptions& options) {
  StepConfig config;
  config.batch = options.batch_size;
  config.loss = loss_options(options);
  config.generator = generator_optimizer(options);
  config.discriminator = discriminator_optimizer(options);
  config.dtype = options.precision == Precision::bf16 ? DType::bf16 : DType::f32;
  config.convolutions = {options.precision == Precision::tf32, options.tune};
  return config;
}

TrainingEngine::TrainingEngine(const Context& context, const RunOptions& options,
                               const Dataset& dataset)
    : context_(context),
      options_(options),
      generator_(context, generator_blocks(model_config(options))),
      discriminator_(context, discriminator_blocks(model_config(options))),
      step_(context, generator_, discriminator_, step_config(options)),
      loader_(context, dataset,
              {options.batch_size, static_cast<std::uint64_t>(options.seed), options.flip,
               options.d_steps, options.image_memory}) {
  initialize(context, options, RandomStream::generator_init, options.init_generator, generator_);
  initialize(context, options, RandomStream::discriminator_init, options.init_discriminator,
             discriminator_);
  if (options.ema_decay > 0) generator_.parameters().make_ema(context);
}

void TrainingEngine::enqueue_step() {
  const LatentOptions latent{key(options_, RandomStream::latent), options_.latent, 0};
  const TensorView z = step_.latent();
  for (std::int64_t update = 0; update < options_.d_steps; ++update) {
    // The discriminator's own counter numbers the draws, on the device, so that a graph can replay.
    draw_latent(context_, discriminator_.parameters().step(), z.reshaped({z.shape[0], z.shape[3]}),
                latent);
    loader_.feed(context_, update, step_.real_images());
    const ProfileRange range("D");
    step_.update_discriminator(context_);
  }
  const ProfileRange range("G");
  step_.update_generator(context_);
}

void TrainingEngine::train_step(StepLaunch launch) {
  {
    const ProfileRange range("load");
    loader_.select(context_, steps_done_ * options_.d_steps);
  }
  if (!context_.is_cuda() || !warm_ || launch == StepLaunch::eager) {
    enqueue_step();  // on a GPU, too, the first time: libraries do once what a capture refuses
    warm_ = true;
  } else {
    if (graph_.empty()) graph_ = Graph(context_, [this] { enqueue_step(); });
    const ProfileRange range("step");
    graph_.launch(context_);
  }
  ++steps_done_;
  const ProfileRange range("load");
  loader_.prefetch(steps_done_ * options_.d_steps);
}

}  // namespace dcgan
