#include "models/networks/norm_exchange.h"

#include <algorithm>

#include "runtime/device/memory.h"

namespace dcgan {

std::int64_t NormExchange::elements(const std::vector<BlockSpec>& blocks, int groups, int ranks) {
  std::int64_t most = 0;
  for (const BlockSpec& block : blocks) {
    if (block.norm == Norm::none) continue;
    most = std::max(most, BatchNormStatistics::elements(groups, ranks, block.conv.out_channels));
  }
  return most;
}

void NormExchange::exchange(const Context& context, const BatchNormStatistics& statistics) const {
  const auto groups = static_cast<int>(statistics.mean.shape[0]);
  const std::int64_t channels = statistics.mean.shape[2];
  const int ranks = communicator_->size();
  const BatchNormStatistics gathered = BatchNormStatistics::in(memory_, groups, ranks, channels);
  batch_norm_merge(context, statistics, gathered, communicator_->rank());
  // The other ranks' parts are zeros here, so that a sum is a gather.
  const std::int64_t count = BatchNormStatistics::elements(groups, ranks, channels);
  communicator_->all_reduce(context, memory_.rows(0, count), ReduceOp::sum);
  batch_norm_merge(context, gathered, statistics);
}

void NormExchange::exchange(const Context& context, const BatchNormSums& totals) const {
  const auto* first = totals.gradient.as<float>();
  DCGAN_CHECK(totals.moment.as<float>() == first + totals.gradient.elements(),
              "norm exchange: the totals do not follow each other");
  communicator_->all_reduce(
      context, {totals.gradient.data, {2 * totals.gradient.elements()}, DType::f32}, ReduceOp::sum);
}

}  // namespace dcgan
