#include "models/profiling/time_breakdown.h"

#include "runtime/base/build_config.h"
#include "runtime/device/event.h"
#include "runtime/device/memory.h"

namespace dcgan {
namespace {

enum class Direction { forward, backward };

struct ConvCall {
  const Activations* pass;
  std::size_t block;
  bool normed;
  Direction direction;
  Event begin, end;
};

// Stands in for a block's plan and notes when it was called.
class MarkedConv final : public ConvPlan {
 public:
  MarkedConv(std::unique_ptr<ConvPlan> plan, const Activations& pass, std::size_t block,
             bool normed, std::vector<ConvCall>& calls)
      : plan_(std::move(plan)), pass_(pass), block_(block), normed_(normed), calls_(calls) {}

  std::size_t workspace_bytes() const override { return plan_->workspace_bytes(); }
  std::string describe() const override { return plan_->describe(); }
  void forward(const Context& context, ConstTensorView x, ConstTensorView weights, TensorView y,
               TensorView workspace) override {
    begin(context, Direction::forward);
    plan_->forward(context, x, weights, y, workspace);
    calls_.back().end.record(context);
  }
  void backward(const Context& context, const ConvBackward& tensors,
                TensorView workspace) override {
    begin(context, Direction::backward);
    plan_->backward(context, tensors, workspace);
    calls_.back().end.record(context);
  }
  std::unique_ptr<ConvPlan> release() { return std::move(plan_); }

 private:
  void begin(const Context& context, Direction direction) {
    calls_.push_back({&pass_, block_, normed_, direction, Event(context), Event(context)});
    calls_.back().begin.record(context);
  }

  std::unique_ptr<ConvPlan> plan_;
  const Activations& pass_;
  std::size_t block_;
  bool normed_;
  std::vector<ConvCall>& calls_;
};

// The plans of one pass, marked until the end of the scope.
class MarkedPass {
 public:
  MarkedPass(Activations& pass, const Network& network, std::vector<ConvCall>& calls)
      : pass_(pass) {
    for (std::size_t i = 0; i < pass.blocks().size(); ++i) {
      auto marked = std::make_unique<MarkedConv>(std::move(pass.blocks()[i].conv), pass, i,
                                                 network.blocks()[i].norm == Norm::batch, calls);
      marked_.push_back(marked.get());
      pass.blocks()[i].conv = std::move(marked);
    }
  }
  ~MarkedPass() {
    for (std::size_t i = 0; i < marked_.size(); ++i) {
      std::unique_ptr<ConvPlan> plan = marked_[i]->release();
      pass_.blocks()[i].conv = std::move(plan);
    }
  }
  MarkedPass(const MarkedPass&) = delete;  // it gives the plans back once
  MarkedPass& operator=(const MarkedPass&) = delete;

 private:
  Activations& pass_;
  std::vector<MarkedConv*> marked_;
};

// Milliseconds of one step, or of several.
struct Sums {
  double convolutions = 0, batch_norm = 0, optimizer = 0, total = 0;
};

void add_step(const std::vector<ConvCall>& calls, const Event& begin, const Event& end,
              Sums& sums) {
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const ConvCall& call = calls[i];
    sums.convolutions += call.end.elapsed_ms(call.begin);
    if (i + 1 == calls.size()) break;
    const ConvCall& next = calls[i + 1];
    const double between_ms = next.begin.elapsed_ms(call.end);
    if (call.pass == next.pass && call.direction == next.direction) {
      // Forward a block's norm follows its convolution, backward it comes before.
      const bool normed = call.direction == Direction::forward ? call.normed : next.normed;
      if (normed) sums.batch_norm += between_ms;
    } else if (call.direction == Direction::backward && next.direction == Direction::forward) {
      sums.optimizer += between_ms;  // the discriminator's update
    }
  }
  sums.optimizer += end.elapsed_ms(calls.back().end);  // the generator's
  sums.total += end.elapsed_ms(begin);
}

// Writes gigabytes, which takes a GPU longer than the host needs to enqueue a step.
void keep_busy(const Context& context, const Buffer& buffer) {
  constexpr int kFills = 32;
  const TensorView all(buffer.data(), {static_cast<std::int64_t>(buffer.bytes())}, DType::u8);
  for (int i = 0; i < kFills; ++i) fill_zero(context, all);
}

}  // namespace

TimeBreakdown measure_time_breakdown(const Context& context, TrainingEngine& engine, int steps) {
  constexpr std::size_t kBusyBytes = std::size_t{256} << 20;
  const bool simulated_or_none = kEmulated || !context.is_cuda();
  const Buffer busy(context, simulated_or_none ? 0 : kBusyBytes);
  std::vector<ConvCall> calls;
  StepPasses passes = engine.step().passes();
  const MarkedPass generating(passes.generating, engine.generator(), calls);
  const MarkedPass on_both(passes.on_both, engine.discriminator(), calls);
  const MarkedPass on_fake(passes.on_fake, engine.discriminator(), calls);
  Sums sums;
  for (int step = 0; step < steps; ++step) {
    calls.clear();
    Event begin(context), end(context);
    if (busy.bytes() > 0) keep_busy(context, busy);
    begin.record(context);
    engine.train_step(StepLaunch::eager);
    end.record(context);
    end.synchronize();
    add_step(calls, begin, end, sums);
  }
  TimeBreakdown shares{sums.convolutions / sums.total, sums.batch_norm / sums.total,
                       sums.optimizer / sums.total, 0};
  shares.rest = 1 - shares.convolutions - shares.batch_norm - shares.optimizer;
  return shares;
}

}  // namespace dcgan
