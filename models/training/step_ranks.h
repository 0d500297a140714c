// What a step does together with the other ranks. In a world of one: nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "models/training/gradient_reduction.h"
#include "models/training/training_config.h"
#include "runtime/device/memory.h"

namespace dcgan {

/// What a rank may ask of all ranks. The wishes of a step travel with its results, so that every
/// rank sees the same at the same step.
enum class Wish { stop_for_signal, stop_for_time };
inline constexpr int kWishes = 2;

/// How many ranks asked for each wish, as floats: the form in which they travel.
using WishCounts = std::array<float, kWishes>;

class StepRanks {
 public:
  /// `communicator` null: a world of one. Networks, context and communicator must outlive it.
  StepRanks(const Context& context, Communicator* communicator, const RanksConfig& config,
            const Network& generator, const Network& discriminator);

  int size() const { return communicator_ == nullptr ? 1 : communicator_->size(); }
  /// For observers of training passes.
  NormExchange norm() const;
  /// For the backward pass of a network; `branched`: values travel beside other work.
  GradientReduction reduction(const BlockUpdates& updates, const Network& network, bool branched);
  /// results: (kScalarSlots + kWishes) f32, the step's and this rank's wishes behind them: become
  /// sums over the ranks. Enqueued behind the work on `context`, and like gradients joined by
  /// join().
  void reduce_results(const Context& context, TensorView results, bool branched);
  /// What follows on `context` has what travelled.
  void join(bool branched);

  /// From the next step on; kept until it is taken back.
  void ask(Wish wish, bool wanted);
  /// (size) i64, pinned on a GPU: nanoseconds in which the gradients of each rank have travelled
  /// since the start, waiting for other ranks included. Enqueued.
  void enqueue_waits(const Context& context, TensorView host) const;

 private:
  SideBranch* branch(bool branched) { return branched && branch_ ? &*branch_ : nullptr; }
  TensorView waited() const { return {waited_.data(), {1}, DType::i64}; }

  Communicator* communicator_;
  std::vector<GradientBucket> generator_buckets_, discriminator_buckets_;
  const Network* generator_;
  std::optional<SideBranch> branch_;  // only on a GPU
  bool exchanges_norm_ = false;
  Buffer norm_memory_;
  Buffer travelling_;  // a bucket in bf16
  Buffer waited_;      // (1) i64
  Buffer waits_;       // (size) i64
  Buffer wishes_;      // WishCounts of this rank, pinned
};

}  // namespace dcgan
