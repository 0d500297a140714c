// Batch norm over the images of all ranks (torch.nn.SyncBatchNorm): what they exchange between the
// calls of a block.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/norm/batch_norm.h"
#include "models/networks/blocks.h"
#include "runtime/comm/communicator.h"

namespace dcgan {

class NormExchange {
 public:
  /// f32 elements of memory that exchanges of these blocks' statistics need, with `groups` groups.
  static std::int64_t elements(const std::vector<BlockSpec>& blocks, int groups, int ranks);

  NormExchange() = default;  ///< of one rank: statistics are its own
  /// `memory`: f32, at least elements(); used between two calls only. The communicator must outlive
  /// the exchange.
  NormExchange(Communicator& communicator, TensorView memory)
      : communicator_(&communicator), memory_(memory) {}

  explicit operator bool() const { return communicator_ != nullptr; }
  int ranks() const { return communicator_ == nullptr ? 1 : communicator_->size(); }

  /// Makes the statistics of this rank those of all ranks, the same bytes on each: in part 0, the
  /// other parts are empty.
  void exchange(const Context& context, const BatchNormStatistics& statistics) const;
  /// Adds up the ranks' totals.
  void exchange(const Context& context, const BatchNormSums& totals) const;

 private:
  Communicator* communicator_ = nullptr;
  TensorView memory_;
};

}  // namespace dcgan
