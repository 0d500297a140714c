#include "models/run/trainer.h"

#include <algorithm>

#include "models/checkpoint/checkpoint.h"
#include "models/run/rank_check.h"
#include "runtime/base/errors.h"

namespace dcgan {
namespace {

// On a GPU enough to hide what the host does between steps; on the CPU a step is done at once.
int most_steps_ahead(const Context& context) { return context.is_cuda() ? 8 : 1; }

}  // namespace

Trainer::Trainer(const Context& context, Communicator& ranks, TrainingEngine& engine,
                 const Hooks& hooks, const TrainerOptions& options)
    : context_(context),
      ranks_(ranks),
      engine_(engine),
      hooks_(hooks),
      options_(options),
      readback_(context, 0),
      clock_(engine.config().batch * ranks.size()),
      meter_(context, engine, ranks.size()),
      agreement_(context, engine, ranks.size(), most_steps_ahead(context)) {
  for (int i = 0; i < most_steps_ahead(context); ++i) step_marks_.emplace_back(context_);
}

void Trainer::resume(const std::filesystem::path& checkpoint, OutputFolder folder) {
  const TrainingState state = load_checkpoint(context_, checkpoint, engine_.config().generator.kind,
                                              engine_.generator(), engine_.discriminator());
  try {
    clock_.restore(state.parts);
    for (const auto& hook : hooks_) hook->restore(state.parts);
  } catch (const Error& error) {  // bad_data, or config: the run asks for something else
    fail(error.kind(), "{}: {}", state_file(checkpoint).string(), error.what());
  }
  engine_.set_steps_done(state.step);
  checkpoint_ = checkpoint;
  folder_ = folder;
}

TrainingOutcome Trainer::run(TrainingObserver& observer, const std::atomic<bool>& stop) {
  HookContext run{.context = context_,
                  .engine = engine_,
                  .observer = observer,
                  .shard = shard_of(ranks_),
                  .folder = folder_,
                  .report = report(step()),
                  .checkpoint = checkpoint_,
                  .state = [this] { return state(); }};
  try {
    const TrainingOutcome outcome = run_hooks(run, stop);
    checkpoint_ = run.checkpoint;
    return outcome;
  } catch (...) {
    checkpoint_ = run.checkpoint;
    throw;
  }
}

TrainingOutcome Trainer::run_hooks(HookContext& run, const std::atomic<bool>& stop) {
  for (const auto& hook : hooks_) hook->begin(run);
  restart_clock();  // first: a resumed run's time limit counts from here
  const StopReason reason = train(run, stop);
  run.report = report(step());
  std::for_each(hooks_.rbegin(), hooks_.rend(), [&](const auto& hook) { hook->end(run, reason); });
  return {reason, step(), run.checkpoint};
}

StopReason Trainer::train(HookContext& run, const std::atomic<bool>& stop) try {
  const bool alone = ranks_.size() == 1;  // several ranks agree behind a step
  if (alone) want_stop(stop);
  std::optional<StopReason> reason = reason_to_stop();
  while (!reason) {
    if (!alone) want_stop(stop);
    engine_.train_step();
    limit_backlog();
    follow_step(run);
    if (alone) want_stop(stop);
    reason = reason_to_stop();
  }
  collect_all(run);
  return *reason;
} catch (const Error& error) {
  // Every rank finds a divergence by itself, on the CPU behind the same step. (GPUs' hosts may be
  // some steps apart, and find it without each other.)
  if (error.kind() == ErrorKind::diverged && !context_.is_cuda()) wait_for_all(ranks_);
  throw;
}

void Trainer::follow_step(HookContext& run) {
  if (any_needs(Need::results) || any_needs(Need::results_now)) request_results(run);
  if (any_needs(Need::results_now)) collect_all(run);
  if (readback_.arrived()) collect_results(run);  // on the CPU always
  run.observer.on_step(report(step()));
  if (any_needs(Need::pause)) pause(run);
}

void Trainer::pause(HookContext& run) {
  collect_all(run);
  run.report = report(step());
  for (const auto& hook : hooks_) {
    if (hook->need(step()) == Need::pause) hook->on_pause(run);
  }
  // Otherwise the next step's time would hold what rank 0 has just written.
  if (ranks_.size() > 1) ranks_.barrier();
  restart_clock();
}

bool Trainer::any_needs(Need need) const {
  return std::any_of(hooks_.begin(), hooks_.end(),
                     [&](const auto& hook) { return hook->need(step()) == need; });
}

// One request is under way at a time, so the device is never more than two readings behind.
void Trainer::request_results(HookContext& run) {
  if (readback_.requested()) collect_results(run);
  meter_.request();
  readback_.request(engine_.step(), step());
}

void Trainer::collect_results(HookContext& run) {
  const ResultsReadback::Reading reading = readback_.collect();
  scalars_ = reading.scalars;
  rank_rates_ = meter_.collect(reading);
  clock_.add(reading);
  run.report = report(reading.step);
  for (const auto& hook : hooks_) hook->on_results(run);
}

// Everything that was enqueued is done and reported.
void Trainer::collect_all(HookContext& run) {
  if (readback_.requested()) collect_results(run);
  if (clock_.read_step() == step()) return;
  request_results(run);
  collect_results(run);
}

void Trainer::restart_clock() {
  readback_.restart(step());
  clock_.restart(step());
}

// The host runs ahead of a GPU, but a signal or a time limit must not find minutes of work
// enqueued.
void Trainer::limit_backlog() {
  Event& mark = step_marks_[static_cast<std::size_t>(step()) % step_marks_.size()];
  mark.synchronize();  // of as many steps ago
  ranks_.check();
  agreement_.follow(step());
  mark.record(context_);
}

StepReport Trainer::report(std::int64_t step) const {
  const Schedule& schedule = options_.schedule;
  StepReport r;
  r.epoch = schedule.epoch_of(step);
  r.batch = schedule.batch_of(step);
  r.batches = schedule.batches_per_epoch;
  r.step = step;
  r.steps = schedule.last_step();
  r.epochs = schedule.epochs_in_all();
  r.scalars = scalars_;
  r.images_per_second = clock_.images_per_second_now(step);
  r.trained_seconds = clock_.trained_seconds();
  r.rank_rates = rank_rates_;
  const auto images_left = static_cast<double>((r.steps - r.step) * clock_.images_per_step());
  r.seconds_left = r.steps > 0 && r.images_per_second > 0 ? images_left / r.images_per_second : -1;
  return r;
}

TrainingState Trainer::state() const {
  TrainingState state;
  state.step = step();
  clock_.save(state.parts);
  for (const auto& hook : hooks_) hook->save(state.parts);
  return state;
}

void Trainer::want_stop(const std::atomic<bool>& stop) {
  const bool late =
      options_.max_seconds > 0 && clock_.trained_seconds_now(step()) >= options_.max_seconds;
  agreement_.want(stop.load(std::memory_order_relaxed), late);
}

std::optional<StopReason> Trainer::reason_to_stop() const {
  if (agreement_.stops_for_signal()) return StopReason::signal;
  if (const auto reason = options_.schedule.reason_to_stop(step())) return reason;
  if (agreement_.stops_for_time()) return StopReason::time;
  for (const auto& hook : hooks_) {
    if (const auto reason = hook->reason_to_stop()) return reason;
  }
  return std::nullopt;
}

}  // namespace dcgan
