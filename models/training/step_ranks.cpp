#include "models/training/step_ranks.h"

#include <algorithm>

#include "models/training/scalars.h"

namespace dcgan {
namespace {

// The discriminator's pass over real and fake images.
constexpr int kMostNormGroups = 2;

std::size_t bytes_of(std::int64_t elements, DType dtype) {
  return static_cast<std::size_t>(elements) * size_of(dtype);
}

}  // namespace

StepRanks::StepRanks(const Context& context, Communicator* communicator, const RanksConfig& config,
                     const Network& generator, const Network& discriminator)
    : communicator_(communicator), generator_(&generator) {
  if (communicator_ == nullptr) return;
  generator_buckets_ = gradient_buckets(generator.parameters().blocks(), config.bucket_bytes);
  discriminator_buckets_ =
      gradient_buckets(discriminator.parameters().blocks(), config.bucket_bytes);
  if (context.is_cuda()) branch_.emplace(context);
  exchanges_norm_ = config.norm_statistics == NormStatistics::exchanged;
  if (exchanges_norm_) {
    const std::int64_t most =
        std::max(NormExchange::elements(generator.blocks(), 1, size()),
                 NormExchange::elements(discriminator.blocks(), kMostNormGroups, size()));
    norm_memory_ = Buffer(context, bytes_of(most, DType::f32));
  }
  if (config.gradient_dtype == DType::bf16) {
    const std::int64_t most =
        std::max(largest(generator_buckets_), largest(discriminator_buckets_));
    travelling_ = Buffer(context, bytes_of(most, DType::bf16));
  }
  waited_ = Buffer(context, sizeof(std::int64_t));
  fill_zero(context, waited());
  waits_ = Buffer(context, bytes_of(size(), DType::i64));
  wishes_ = Buffer(context, sizeof(WishCounts), MemoryKind::pinned);
  std::fill_n(reinterpret_cast<float*>(wishes_.data()), kWishes, 0.0f);
}

NormExchange StepRanks::norm() const {
  if (!exchanges_norm_) return {};
  const auto elements = static_cast<std::int64_t>(norm_memory_.bytes() / sizeof(float));
  return {*communicator_, {norm_memory_.data(), {elements}, DType::f32}};
}

GradientReduction StepRanks::reduction(const BlockUpdates& updates, const Network& network,
                                       bool branched) {
  RankLink link{communicator_, branch(branched), {}, {}};
  if (communicator_ != nullptr) link.waited = waited();
  if (travelling_.bytes() > 0) {
    const auto elements = static_cast<std::int64_t>(travelling_.bytes() / size_of(DType::bf16));
    link.scratch = {travelling_.data(), {elements}, DType::bf16};
  }
  return {updates, &network == generator_ ? generator_buckets_ : discriminator_buckets_, link};
}

void StepRanks::reduce_results(const Context& context, TensorView results, bool branched) {
  if (communicator_ == nullptr) return;
  SideBranch* side = branch(branched);
  if (side != nullptr) side->fork(context);
  const Context& link = side != nullptr ? side->context() : context;
  const TensorView wishes = results.rows(kScalarSlots, kWishes);
  enqueue_upload(link, ConstTensorView(wishes_.data(), {kWishes}, DType::f32), wishes);
  communicator_->all_reduce(link, results, ReduceOp::sum);
}

void StepRanks::join(bool branched) {
  if (SideBranch* side = branch(branched); side != nullptr) side->join();
}

void StepRanks::ask(Wish wish, bool wanted) {
  if (communicator_ == nullptr) return;
  reinterpret_cast<float*>(wishes_.data())[static_cast<std::size_t>(wish)] = wanted ? 1.0f : 0.0f;
}

void StepRanks::enqueue_waits(const Context& context, TensorView host) const {
  const TensorView all(waits_.data(), {size()}, DType::i64);
  communicator_->all_gather(context, waited(), all);
  enqueue_download(context, all, host);
}

}  // namespace dcgan
