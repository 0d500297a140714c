#include "models/run/rank_rate_meter.h"

#include <algorithm>

namespace dcgan {

RankRateMeter::RankRateMeter(const Context& context, TrainingEngine& engine, int ranks)
    : context_(context), engine_(engine), ranks_(ranks) {
  if (ranks_ == 1) return;
  const auto count = static_cast<std::size_t>(ranks_);
  host_ = Buffer(context, count * sizeof(std::int64_t), MemoryKind::pinned);
  before_.assign(count, 0);
}

void RankRateMeter::request() {
  if (ranks_ == 1) return;
  engine_.step().enqueue_waits(context_, TensorView(host_.data(), {ranks_}, DType::i64));
}

RankRates RankRateMeter::collect(const ResultsReadback::Reading& reading) {
  RankRates rates;
  const auto* waits = reinterpret_cast<const std::int64_t*>(host_.data());
  for (std::size_t rank = 0; rank < before_.size(); ++rank) {
    const double waited = static_cast<double>(waits[rank] - before_[rank]) * 1e-9;
    // A wait that began before the interval may be longer than it.
    const double own = std::max(reading.seconds - waited, 1e-3 * reading.seconds);
    const auto images = static_cast<double>(reading.steps * engine_.config().discriminator_steps) *
                        static_cast<double>(engine_.config().batch);
    rates.push_back(images / std::max(own, 1e-9));
    before_[rank] = waits[rank];
  }
  return rates;
}

}  // namespace dcgan
