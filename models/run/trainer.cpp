#include "models/run/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "models/generation/grid.h"
#include "models/generation/latent_vectors.h"
#include "runtime/device/profile_range.h"
#include "runtime/io/files.h"
#include "runtime/io/image/image.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Sampling in small batches keeps the sampler's memory small beside the step's.
constexpr std::int64_t kMaxSampleBatch = 64;
// Enough to hide what the host does between steps.
constexpr int kMostStepsAhead = 8;

}  // namespace

Trainer::Trainer(const Context& context, const RunOptions& options, const Dataset& dataset)
    : context_(context),
      options_(options),
      dataset_(dataset),
      sampler_(context, generator_blocks(model_config(options)),
               {std::min(options.sample_count, kMaxSampleBatch), options.precision}),
      engine_(context, options, dataset),
      fixed_latent_(
          latent_for_seed({static_cast<std::uint64_t>(options.seed), RandomStream::fixed_latent},
                          options.sample_count, model_config(options).nz, options.latent)),
      equilibrium_(options.equilibrium_margin, options.equilibrium_steps),
      readback_(context, 0) {
  require_writable_folder(options_.out);
  for (int i = 0; i < kMostStepsAhead; ++i) step_marks_.emplace_back(context_);
  fs::create_directories(fs::path(options_.out) / "samples");
}

void Trainer::resume(const fs::path& checkpoint) {
  state_ =
      load_checkpoint(context_, checkpoint, options_, engine_.generator(), engine_.discriminator());
  engine_.set_steps_done(state_.step);
  equilibrium_.restore(state_.equilibrium);
  checkpoint_ = checkpoint;
  // Saved already, if it is this run's own folder that goes on.
  const fs::path own = fs::path(options_.out) / "checkpoints";
  if (fs::exists(own) && fs::equivalent(checkpoint.parent_path(), own)) saved_step_ = state_.step;
}

std::int64_t Trainer::last_step() const {
  const std::int64_t by_epochs =
      options_.epochs == 0 ? INT64_MAX
                           : options_.epochs * engine_.batches_per_epoch() / options_.d_steps;
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
  if (options_.max_seconds > 0) {
    const double unread = read_step_ < state_.step ? seconds_since(read_time_) : 0.0;
    if (state_.trained_seconds + unread >= options_.max_seconds) return StopReason::time;
  }
  if (options_.stop_at_equilibrium && equilibrium_.reached()) return StopReason::equilibrium;
  return std::nullopt;
}

LogRecord Trainer::record(std::int64_t step) const {
  LogRecord r;
  const std::int64_t updates = step * options_.d_steps;
  const std::int64_t last_update = std::max<std::int64_t>(updates - 1, 0);
  r.epoch = last_update / engine_.batches_per_epoch();
  r.epochs = options_.epochs;
  r.batch = last_update % engine_.batches_per_epoch();
  r.batches = engine_.batches_per_epoch();
  r.step = step;
  r.steps = last_step();
  r.results = results_;
  r.images_per_second = images_per_second_;
  r.trained_seconds = state_.trained_seconds;
  const double images_left = static_cast<double>((r.steps - r.step) * options_.batch_size);
  r.seconds_left = r.steps > 0 && images_per_second_ > 0 ? images_left / images_per_second_ : -1;
  return r;
}

void Trainer::require_finite(std::int64_t step) const {
  const bool finite =
      results_.finite && std::isfinite(results_.errD()) && std::isfinite(results_.errG);
  if (finite) return;
  fail(ErrorKind::diverged,
       "training diverged at step {}: errD {} errG {}, {} gradients; last checkpoint: {}", step,
       results_.errD(), results_.errG, results_.finite ? "finite" : "non-finite",
       checkpoint_.empty() ? "none" : checkpoint_.string());
}

// The host runs ahead of a GPU, but a signal or a time limit must not find minutes of work
// enqueued.
void Trainer::limit_backlog() {
  Event& mark = step_marks_[static_cast<std::size_t>(state_.step) % step_marks_.size()];
  mark.synchronize();  // of as many steps ago
  mark.record(context_);
}

void Trainer::restart_clock() {
  readback_.restart(state_.step);
  read_step_ = state_.step;
  read_time_ = Clock::now();
}

// One request is under way at a time, so the device is never more than two log lines behind.
void Trainer::request_results(TrainingObserver& observer, bool logs) {
  if (readback_.requested()) take_results(observer);
  readback_.request(engine_.step(), state_.step);
  logs_requested_ = logs;
}

void Trainer::take_results(TrainingObserver& observer) {
  const ResultsReadback::Reading reading = readback_.collect();
  results_ = reading.results;
  require_finite(reading.step);
  state_.trained_seconds += reading.seconds;
  read_step_ = reading.step;
  read_time_ = Clock::now();
  if (reading.steps > 0) {
    images_per_second_ =
        static_cast<double>(reading.steps * options_.batch_size) / std::max(reading.seconds, 1e-9);
  }
  if (!logs_requested_) return;
  metrics_->append(record(reading.step));
  observer.on_log(record(reading.step));
}

// Everything that was enqueued is done and told.
void Trainer::settle(TrainingObserver& observer) {
  if (readback_.requested()) take_results(observer);
  if (read_step_ == state_.step) return;
  request_results(observer, /*logs=*/false);
  take_results(observer);
}

void Trainer::observe_step(TrainingObserver& observer) {
  const bool logs = state_.step % options_.log_every == 0 || state_.step == 1;
  const bool saves = options_.checkpoint_every > 0 && state_.step % options_.checkpoint_every == 0;
  const bool samples = options_.sample_every > 0 && state_.step % options_.sample_every == 0;
  if (logs) request_results(observer, logs);
  if (options_.stop_at_equilibrium) {
    settle(observer);
    equilibrium_.observe(results_.accuracy);
  }
  if (readback_.arrived()) take_results(observer);  // on the CPU always
  observer.on_step(record(state_.step));
  if (!samples && !saves) return;
  settle(observer);
  if (samples) {
    write_samples(observer,
                  fs::path(options_.out) / "samples" / fmt::format("step_{:08}.png", state_.step));
  }
  if (saves) save(observer);
  restart_clock();
}

TrainingOutcome Trainer::run(TrainingObserver& observer, const std::atomic<bool>& stop) {
  const fs::path out = options_.out;
  metrics_.emplace(out, saved_step_ >= 0 ? state_.metrics_bytes : 0);
  write_real_images();
  std::optional<StopReason> reason = reason_to_stop(stop);
  restart_clock();
  while (!reason) {
    engine_.train_step();
    state_.step = engine_.steps_done();
    limit_backlog();
    observe_step(observer);
    reason = reason_to_stop(stop);
  }
  settle(observer);
  if (saved_step_ != state_.step) save(observer);
  if (*reason != StopReason::signal) write_samples(observer, out / "samples.png");
  return {*reason, state_.step, checkpoint_};
}

void Trainer::save(TrainingObserver& observer) {
  const ProfileRange range("save");
  state_.metrics_bytes = metrics_ ? metrics_->bytes() : 0;
  state_.equilibrium = equilibrium_.state();
  checkpoint_ = save_checkpoint(context_, options_.out, options_, engine_.generator(),
                                engine_.discriminator(), state_);
  saved_step_ = state_.step;
  observer.on_file(checkpoint_);
}

void Trainer::write_samples(TrainingObserver& observer, const fs::path& path) {
  const bool averaged = engine_.generator().parameters().has_ema();
  sampler_.copy_weights(context_, engine_.generator(),
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
