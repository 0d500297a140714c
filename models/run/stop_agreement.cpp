#include "models/run/stop_agreement.h"

#include <new>

namespace dcgan {

StopAgreement::StopAgreement(const Context& context, TrainingEngine& engine, int ranks,
                             int steps_ahead)
    : context_(context), engine_(engine), ranks_(ranks), steps_ahead_(steps_ahead) {
  if (ranks_ == 1) return;
  const auto count = static_cast<std::size_t>(steps_ahead_);
  host_ = Buffer(context, count * sizeof(WishCounts), MemoryKind::pinned);
  for (std::size_t i = 0; i < count; ++i) new (host_.data() + i * sizeof(WishCounts)) WishCounts{};
}

WishCounts& StopAgreement::counts(std::int64_t step) const {
  const auto place = static_cast<std::size_t>(step % steps_ahead_);
  return *std::launder(reinterpret_cast<WishCounts*>(host_.data() + place * sizeof(WishCounts)));
}

void StopAgreement::want(bool signal, bool time) {
  if (ranks_ == 1) {
    signal_ = signal;
    time_ = time;
    return;
  }
  engine_.step().ask(Wish::stop_for_signal, signal);
  engine_.step().ask(Wish::stop_for_time, time);
}

void StopAgreement::follow(std::int64_t step) {
  if (ranks_ == 1) return;
  WishCounts& place = counts(step);  // of `steps_ahead` steps ago, then of this one
  signal_ = place[static_cast<std::size_t>(Wish::stop_for_signal)] > 0;
  time_ = place[static_cast<std::size_t>(Wish::stop_for_time)] > 0;
  engine_.step().enqueue_wishes(context_, TensorView(place.data(), {kWishes}, DType::f32));
}

}  // namespace dcgan
