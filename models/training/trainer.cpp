#include "models/training/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "kernels/latent.h"
#include "models/evaluation/grid.h"
#include "models/networks/state_dict.h"
#include "runtime/io/files.h"
#include "runtime/io/image.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

RandomKey key(const RunOptions& options, RandomStream stream) {
  return {static_cast<std::uint64_t>(options.seed), stream};
}

// Sampling in small batches keeps the sampler's memory small beside the step's.
constexpr std::int64_t kMaxSampleBatch = 64;

void load_initial_weights(const Context& context, const std::string& path, Network& network) {
  if (!path.empty()) load_state_dict(context, SafetensorsFile(path), network);
}

}  // namespace

StepConfig step_config(const RunOptions& options) {
  StepConfig config;
  config.batch = options.batch_size;
  config.loss = loss_options(options);
  config.generator = generator_optimizer(options);
  config.discriminator = discriminator_optimizer(options);
  config.dtype = options.precision == Precision::bf16 ? DType::bf16 : DType::f32;
  return config;
}

Trainer::Trainer(const Context& context, const RunOptions& options, const Dataset& dataset)
    : context_(context),
      options_(options),
      dataset_(dataset),
      generator_(context, generator_blocks(model_config(options))),
      discriminator_(context, discriminator_blocks(model_config(options))),
      feeder_(context, dataset,
              {options.batch_size, static_cast<std::uint64_t>(options.seed), options.flip,
               options.d_steps}),
      step_(context, generator_, discriminator_, step_config(options)),
      sampler_(context, generator_.blocks(), std::min(options.sample_count, kMaxSampleBatch),
               step_config(options).dtype),
      fixed_latent_(draw_host_latent(key(options, RandomStream::fixed_latent), options.sample_count,
                                     model_config(options).nz, options.latent)),
      equilibrium_(options.equilibrium_margin, options.equilibrium_steps) {
  require_writable_folder(options_.out);
  fs::create_directories(fs::path(options_.out) / "samples");
  initialize();
}

void Trainer::initialize() {
  generator_.parameters().initialize(context_, key(options_, RandomStream::generator_init));
  discriminator_.parameters().initialize(context_, key(options_, RandomStream::discriminator_init));
  load_initial_weights(context_, options_.init_generator, generator_);
  load_initial_weights(context_, options_.init_discriminator, discriminator_);
  if (options_.ema_decay > 0) generator_.parameters().make_ema(context_);
}

void Trainer::resume(const fs::path& checkpoint) {
  state_ = load_checkpoint(context_, checkpoint, options_, generator_, discriminator_);
  equilibrium_.restore(state_.equilibrium);
  checkpoint_ = checkpoint;
  // Saved already, if it is this run's own folder that goes on.
  const fs::path own = fs::path(options_.out) / "checkpoints";
  if (fs::exists(own) && fs::equivalent(checkpoint.parent_path(), own)) saved_step_ = state_.step;
}

void Trainer::enqueue_step() {
  const LatentOptions latent{key(options_, RandomStream::latent), options_.latent, 0};
  const TensorView z = step_.latent();
  for (std::int64_t update = 0; update < options_.d_steps; ++update) {
    // The discriminator's own counter numbers the draws, on the device, so that a graph can replay.
    draw_latent(context_, discriminator_.parameters().step(),
                z.reshaped({z.shape[0], z.shape[3]}), latent);
    feeder_.feed(context_, update, step_.real_images());
    step_.update_discriminator(context_);
  }
  step_.update_generator(context_);
}

void Trainer::train_step() {
  feeder_.select(context_, state_.step * options_.d_steps);
  if (!context_.is_cuda() || !warm_) {
    enqueue_step();  // on a GPU, too, the first time: libraries do once what a capture refuses
    warm_ = true;
  } else {
    if (graph_.empty()) graph_ = Graph(context_, [this] { enqueue_step(); });
    graph_.launch(context_);
  }
  ++state_.step;
}

std::int64_t Trainer::last_step() const {
  const std::int64_t by_epochs = options_.epochs == 0
                                     ? INT64_MAX
                                     : options_.epochs * feeder_.batches_per_epoch() / options_.d_steps;
  const std::int64_t by_steps = options_.steps == 0 ? INT64_MAX : options_.steps;
  const std::int64_t last = std::min(by_epochs, by_steps);
  return last == INT64_MAX ? 0 : std::max<std::int64_t>(last, 1);
}

std::optional<StopReason> Trainer::reason_to_stop(const std::atomic<bool>& stop) const {
  if (stop.load(std::memory_order_relaxed)) return StopReason::signal;
  const std::int64_t last = last_step();
  if (last > 0 && state_.step >= last) {
    return options_.steps > 0 && state_.step >= options_.steps ? StopReason::steps
                                                               : StopReason::epochs;
  }
  if (options_.max_seconds > 0 && state_.trained_seconds + seconds_unread_ >= options_.max_seconds) {
    return StopReason::time;
  }
  if (options_.stop_at_equilibrium && equilibrium_.reached()) return StopReason::equilibrium;
  return std::nullopt;
}

LogRecord Trainer::record() const {
  LogRecord r;
  const std::int64_t updates = state_.step * options_.d_steps;
  const std::int64_t last_update = std::max<std::int64_t>(updates - 1, 0);
  r.epoch = last_update / feeder_.batches_per_epoch();
  r.epochs = options_.epochs;
  r.batch = last_update % feeder_.batches_per_epoch();
  r.batches = feeder_.batches_per_epoch();
  r.step = state_.step;
  r.steps = last_step();
  r.results = results_;
  r.images_per_second = images_per_second_;
  r.trained_seconds = state_.trained_seconds;
  const double images_left = static_cast<double>((r.steps - r.step) * options_.batch_size);
  r.seconds_left = r.steps > 0 && images_per_second_ > 0 ? images_left / images_per_second_ : -1;
  return r;
}

void Trainer::require_finite() const {
  const bool finite = results_.finite && std::isfinite(results_.errD()) &&
                      std::isfinite(results_.errG);
  if (finite) return;
  fail(ErrorKind::diverged,
       "training diverged at step {}: errD {} errG {}, {} gradients; last checkpoint: {}",
       state_.step, results_.errD(), results_.errG,
       results_.finite ? "finite" : "non-finite",
       checkpoint_.empty() ? "none" : checkpoint_.string());
}

// On a GPU a step has only been enqueued when it returns; waiting for the results makes up for it, so
// speed is taken from one reading to the next.
void Trainer::timed_step() {
  const Clock::time_point start = Clock::now();
  train_step();
  seconds_unread_ += seconds_since(start);
  ++steps_unread_;
}

void Trainer::read_results() {
  const Clock::time_point start = Clock::now();
  results_ = step_.read_results(context_);
  seconds_unread_ += seconds_since(start);
  require_finite();
  if (steps_unread_ == 0) return;
  state_.trained_seconds += seconds_unread_;
  images_per_second_ = static_cast<double>(steps_unread_ * options_.batch_size) /
                       std::max(seconds_unread_, 1e-9);
  seconds_unread_ = 0;
  steps_unread_ = 0;
}

void Trainer::observe_step(TrainingObserver& observer) {
  const bool logs = state_.step % options_.log_every == 0 || state_.step == 1;
  const bool saves =
      options_.checkpoint_every > 0 && state_.step % options_.checkpoint_every == 0;
  const bool samples = options_.sample_every > 0 && state_.step % options_.sample_every == 0;
  if (logs || saves || steps_unread_ >= options_.log_every || options_.stop_at_equilibrium) {
    read_results();
  }
  if (options_.stop_at_equilibrium) equilibrium_.observe(results_.accuracy);
  observer.on_step(record());
  if (logs) {
    metrics_->append(record());
    observer.on_log(record());
  }
  if (samples) {
    write_samples(observer,
                  fs::path(options_.out) / "samples" / fmt::format("step_{:08}.png", state_.step));
  }
  if (saves) save(observer);
}

TrainingOutcome Trainer::run(TrainingObserver& observer, const std::atomic<bool>& stop) {
  const fs::path out = options_.out;
  metrics_.emplace(out, saved_step_ >= 0 ? state_.metrics_bytes : 0);
  write_real_images();
  std::optional<StopReason> reason = reason_to_stop(stop);
  while (!reason) {
    timed_step();
    observe_step(observer);
    reason = reason_to_stop(stop);
  }
  read_results();
  if (saved_step_ != state_.step) save(observer);
  if (*reason != StopReason::signal) write_samples(observer, out / "samples.png");
  return {*reason, state_.step, checkpoint_};
}

void Trainer::save(TrainingObserver& observer) {
  state_.metrics_bytes = metrics_ ? metrics_->bytes() : 0;
  state_.equilibrium = equilibrium_.state();
  checkpoint_ = save_checkpoint(context_, options_.out, options_, generator_, discriminator_, state_);
  saved_step_ = state_.step;
  observer.on_file(checkpoint_);
}

void Trainer::write_samples(TrainingObserver& observer, const fs::path& path) {
  const bool averaged = generator_.parameters().has_ema();
  sampler_.copy_weights(context_, generator_,
                        averaged ? ParameterArray::ema : ParameterArray::values);
  write_png(path, make_grid(sampler_.sample(context_, fixed_latent_).view()));
  observer.on_file(path);
}

void Trainer::write_real_images() {
  const fs::path path = fs::path(options_.out) / "real.png";
  if (saved_step_ >= 0 && fs::exists(path)) return;  // written when this run began
  const std::int64_t count = std::min(options_.sample_count, dataset_.size());
  write_png(path, make_grid(dataset_.images().rows(0, count)));
}

}  // namespace dcgan
