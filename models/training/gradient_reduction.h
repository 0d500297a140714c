// From the gradients of a block to its new weights: on several ranks through an all-reduce.
#pragma once

#include <optional>
#include <vector>

#include "kernels/optimizer/optimizer.h"
#include "models/networks/network.h"
#include "models/training/gradient_buckets.h"
#include "runtime/comm/communicator.h"

namespace dcgan {

/// Updates the parameters of a block.
class BlockUpdates {
 public:
  BlockUpdates(Parameters& parameters, ConstTensorView coefficients, TensorView non_finite,
               OptimizerKind kind)
      : parameters_(parameters),
        coefficients_(coefficients),
        non_finite_(non_finite),
        kind_(kind) {}

  /// Enqueued behind the block's gradients. Blocks come in the order of a backward pass.
  void update(const Context& context, std::size_t block) const;

  Parameters& parameters() const { return parameters_; }

 private:
  Parameters& parameters_;
  ConstTensorView coefficients_;
  TensorView non_finite_;
  OptimizerKind kind_;
};

/// How ranks reach each other from a step.
struct RankLink {
  Communicator* communicator = nullptr;  ///< null: a world of one
  SideBranch* branch = nullptr;          ///< where values travel; null: where they are made
  TensorView scratch;                    ///< bf16, as large as a bucket; empty: f32 travels
  TensorView waited;                     ///< (1) i64, ns: the time in which gradients travelled
};

/// Hears of a backward pass's gradients. A world of one updates a block at once. Otherwise a bucket
/// that is complete is added up over the ranks on the link's branch, then its blocks are updated
/// there; the caller joins the branch. Losses are means over the images of all ranks, so that the
/// sum needs no division.
class GradientReduction final : public GradientObserver {
 public:
  GradientReduction(const BlockUpdates& updates, const std::vector<GradientBucket>& buckets,
                    const RankLink& link)
      : updates_(updates), buckets_(buckets), link_(link) {}

  void on_gradients(const Context& context, const Network& network, std::size_t block) override;

 private:
  void reduce(const Context& context, const GradientBucket& bucket) const;

  BlockUpdates updates_;
  const std::vector<GradientBucket>& buckets_;
  RankLink link_;
  std::size_t next_ = 0;  // bucket
};

/// The largest bucket, in elements.
std::int64_t largest(const std::vector<GradientBucket>& buckets);

}  // namespace dcgan
