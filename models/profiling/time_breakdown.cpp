#include "models/profiling/time_breakdown.h"

#include <algorithm>

#include "runtime/base/build_config.h"
#include "runtime/device/event.h"
#include "runtime/device/memory.h"

namespace dcgan {
namespace {

// The events of one step, in the order of enqueueing. Events are made once and used again: making
// one takes time.
class StageEvents final : public StageObserver {
 public:
  void on_stage(const Context& context, StageId stage) override {
    if (used_ == events_.size()) events_.emplace_back(context);
    events_[used_++].record(context);
    entered_.push_back(stage);
  }
  void restart() {
    used_ = 0;
    entered_.clear();
  }
  const std::vector<StageId>& entered() const { return entered_; }
  /// Time from the beginning of the i-th stage to that of the next, or to `end`.
  double elapsed_ms(std::size_t i, const Event& end) const {
    return (i + 1 < used_ ? events_[i + 1] : end).elapsed_ms(events_[i]);
  }

 private:
  std::vector<Event> events_;
  std::size_t used_ = 0;
  std::vector<StageId> entered_;
};

// The observer of a step, taken back at the end of the scope.
class ObservedStep {
 public:
  ObservedStep(AdversarialStep& step, StageObserver& observer) : step_(step) {
    step_.set_stage_observer(&observer);
  }
  ~ObservedStep() { step_.set_stage_observer(nullptr); }
  ObservedStep(const ObservedStep&) = delete;  // takes the observer back once
  ObservedStep& operator=(const ObservedStep&) = delete;

 private:
  AdversarialStep& step_;
};

// Writes gigabytes, which takes a GPU longer than the host needs to enqueue a step.
void keep_busy(const Context& context, const Buffer& buffer) {
  constexpr int kFills = 32;
  const TensorView all(buffer.data(), {static_cast<std::int64_t>(buffer.bytes())}, DType::u8);
  for (int i = 0; i < kFills; ++i) fill_zero(context, all);
}

TimeBreakdown breakdown_of(const std::vector<StageTime>& stages) {
  TimeBreakdown sums;
  double total = 0;
  for (const StageTime& stage : stages) {
    total += stage.mean_ms;
    switch (stage.kind) {
      case StageKind::convolution:
        sums.convolutions += stage.mean_ms;
        break;
      case StageKind::norm:
        sums.batch_norm += stage.mean_ms;
        break;
      case StageKind::optimizer:
        sums.optimizer += stage.mean_ms;
        break;
      case StageKind::input:
      case StageKind::loss:
      case StageKind::image_stage:
        break;
    }
  }
  if (total <= 0) return {0, 0, 0, 1};
  TimeBreakdown result{sums.convolutions / total, sums.batch_norm / total, sums.optimizer / total,
                       0};
  result.rest = 1 - result.convolutions - result.batch_norm - result.optimizer;
  return result;
}

}  // namespace

StepTimes measure_step_times(const Context& context, TrainingEngine& engine, int steps) {
  constexpr std::size_t kBusyBytes = std::size_t{256} << 20;
  const bool simulated_or_none = kEmulated || !context.is_cuda();
  const Buffer busy(context, simulated_or_none ? 0 : kBusyBytes);
  const StageTable& table = engine.step().stages();
  std::vector<double> sums(static_cast<std::size_t>(table.count()), 0.0);
  StageEvents events;
  const ObservedStep observed(engine.step(), events);
  Event end(context);
  for (int step = 0; step < steps; ++step) {
    events.restart();
    if (busy.bytes() > 0) keep_busy(context, busy);
    engine.train_step(StepLaunch::eager);
    end.record(context);
    end.synchronize();
    for (std::size_t i = 0; i < events.entered().size(); ++i) {
      sums[static_cast<std::size_t>(events.entered()[i].index)] += events.elapsed_ms(i, end);
    }
  }
  StepTimes times;
  for (int i = 0; i < table.count(); ++i) {
    const double mean_ms = sums[static_cast<std::size_t>(i)] / steps;
    if (mean_ms > 0) times.stages.push_back({table.name({i}), table.kind({i}), mean_ms});
  }
  times.breakdown = breakdown_of(times.stages);
  return times;
}

}  // namespace dcgan
