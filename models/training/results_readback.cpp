#include "models/training/results_readback.h"

#include <new>
#include <utility>

namespace dcgan {

ResultsReadback::ResultsReadback(const Context& context, std::int64_t step)
    : context_(context),
      host_(context, sizeof(RawScalars), MemoryKind::pinned),
      start_(context),
      mark_(context) {
  new (host_.data()) RawScalars{};
  restart(step);
}

RawScalars& ResultsReadback::raw() const {
  return *std::launder(reinterpret_cast<RawScalars*>(host_.data()));
}

void ResultsReadback::restart(std::int64_t step) {
  DCGAN_CHECK(!requested_, "results: those of step {} were not collected", step_);
  start_.record(context_);
  start_step_ = step;
}

void ResultsReadback::request(const AdversarialStep& adversarial, std::int64_t step) {
  DCGAN_CHECK(!requested_, "results: those of step {} were not collected", step_);
  adversarial.enqueue_scalars(context_, raw());
  mark_.record(context_);
  step_ = step;
  requested_ = true;
}

ResultsReadback::Reading ResultsReadback::collect() {
  DCGAN_CHECK(requested_, "results: none were requested");
  mark_.synchronize();
  requested_ = false;
  const Reading reading{step_, raw().decoded(), step_ - start_step_,
                        mark_.elapsed_ms(start_) / 1e3};
  std::swap(start_, mark_);
  start_step_ = step_;
  return reading;
}

}  // namespace dcgan
