#include "models/training/engine.h"

#include "kernels/input/latent.h"
#include "runtime/device/profile_range.h"

namespace dcgan {
namespace {

StepOptions with_ranks(StepOptions options, Communicator& communicator) {
  options.communicator = &communicator;
  return options;
}

const TrainingConfig& checked(const TrainingConfig& config) {
  require_valid(config);
  return config;
}

}  // namespace

TrainingEngine::TrainingEngine(const Context& context, Communicator& communicator,
                               const TrainingConfig& config, const StepOptions& options)
    : context_(context),
      communicator_(communicator),
      config_(checked(config)),
      shard_(shard_of(communicator)),
      hyper_parameters_(hyper_parameters_of(config)),
      generator_(context, generator_blocks(config.model)),
      discriminator_(context, discriminator_blocks(config.model)),
      step_(context, generator_, discriminator_, config, with_ranks(options, communicator)) {
  generator_.parameters().initialize(context, {config.seed, RandomStream::generator_init});
  discriminator_.parameters().initialize(context, {config.seed, RandomStream::discriminator_init});
  if (config.generator.ema_decay > 0) generator_.parameters().make_ema(context);
}

void TrainingEngine::set_images(ImageSource& images) {
  images_ = &images;
  graph_ = Graph();  // it holds the addresses of the images before
}

void TrainingEngine::set_latents(LatentSource& latents) {
  latents_ = &latents;
  graph_ = Graph();
}

void TrainingEngine::set_hyper_parameters(const HyperParameters& values) {
  step_.set_hyper_parameters(context_, values);
  hyper_parameters_ = values;
}

void TrainingEngine::set_steps_done(std::int64_t steps) {
  steps_done_ = steps;
  const std::int64_t draws = steps * config_.discriminator_steps;
  upload(context_, ConstTensorView(&draws, {1}), step_.latent_draws());
}

void TrainingEngine::draw_latents(std::int64_t index) {
  const TensorView z = step_.latent();
  const TensorView rows = z.reshaped({z.shape[0], z.shape[3]});
  // The number of the draw, which is the update's, is counted on the device, so that a graph can be
  // replayed: also where the caller's vectors then take the place of these.
  const auto first_sample = static_cast<std::uint32_t>(shard_.rank * config_.batch);
  draw_next_latent(context_, step_.latent_draws(), rows,
                   {{config_.seed, RandomStream::latent}, config_.latent, first_sample});
  if (latents_ != nullptr) latents_->draw(context_, index, rows);
}

void TrainingEngine::begin_step() {
  DCGAN_CHECK(images_ != nullptr, "training: no images; call set_images() before a step");
  const ProfileRange range("load");
  images_->select(context_, steps_done_ * config_.discriminator_steps);
}

void TrainingEngine::update_discriminator(std::int64_t index) {
  step_.enter_input(context_);
  const StepUpdate update{index, step_.latent_draws()};
  images_->load(context_, update, step_.real_images());
  if (config_.real_labels == RealLabels::per_image) {
    images_->load_labels(context_, update, step_.real_labels());
  }
  draw_latents(index);  // behind the images: it counts
  const ProfileRange range("D");
  step_.update_discriminator(context_);
}

void TrainingEngine::update_generator() {
  const ProfileRange range("G");
  step_.update_generator(context_);
}

void TrainingEngine::end_step() {
  ++steps_done_;
  const ProfileRange range("load");
  images_->prefetch(steps_done_ * config_.discriminator_steps);
}

void TrainingEngine::enqueue_step() {
  for (std::int64_t index = 0; index < config_.discriminator_steps; ++index) {
    update_discriminator(index);
  }
  update_generator();
}

void TrainingEngine::train_step(StepLaunch launch) {
  communicator_.check();
  begin_step();
  if (!context_.is_cuda() || !warm_ || launch == StepLaunch::eager) {
    enqueue_step();  // on a GPU, too, the first time: libraries do once what a capture refuses
    warm_ = true;
  } else {
    if (graph_.empty()) graph_ = Graph(context_, [this] { enqueue_step(); });
    const ProfileRange range("step");
    graph_.launch(context_);
  }
  communicator_.watch(context_);
  end_step();
}

}  // namespace dcgan
