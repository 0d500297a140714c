// The choice among blocks by the time of their training convolution with its statistics. The other
// calls are the same for all candidates.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "kernels/block/block_variants.h"
#include "kernels/conv/cuda/plans.h"
#include "kernels/conv/cuda/timing_tensors.h"
#include "kernels/vendor/graph_timer.h"
#include "kernels/vendor/plan_cache.h"
#include "kernels/vendor/tuner.h"
#include "runtime/device/cuda/runtime.h"
#include "runtime/device/memory.h"

namespace dcgan::cuda {
namespace {

// Part of the cache's keys: count it up when what may be chosen, or how, changes.
constexpr int kChoiceVersion = 1;
/// On relative differences of results stored in bf16, and of their statistics.
constexpr double kTolerance = 0x1p-6;

/// A block's convolve() as a convolution's forward pass, for the tensors that time those. The first
/// call compares the statistics with `expected`, or leaves them there when that is empty.
class ConvolveCall final : public ConvPlan {
 public:
  ConvolveCall(const Context& context, const BlockConfig& config, std::unique_ptr<BlockPlan> block,
               std::vector<float>& expected)
      : config_(config),
        block_(std::move(block)),
        expected_(expected),
        channels_(config.conv.out_channels),
        saved_(context, bytes_of(2 * config.norm_groups, DType::f32)),
        running_(context, bytes_of(2, DType::f32)),
        tickets_(context, bytes_of(1, DType::i32)),
        tracked_(context, size_of(DType::i64)) {
    fill_zero(context, rows(running_, 0, 2));
    fill_zero(context, tickets());
    fill_zero(context, tracked());
  }

  std::size_t workspace_bytes(ConvPass pass) const override {
    return block_->workspace_bytes(pass);
  }
  void forward(const Context& context, const ConvForward& conv) override {
    const BlockForward on = tensors(conv);
    block_->convolve(context, on);
    if (compared_) return;
    compared_ = true;
    compare_statistics(context, on);
  }
  std::unique_ptr<BlockPlan> release() { return std::move(block_); }

  void activation_backward(const Context& /*context*/, const ConvBackward& /*on*/) override {}
  void backward_data(const Context& /*context*/, const ConvBackward& /*on*/) override {}
  void backward_weights(const Context& /*context*/, const ConvBackward& /*on*/) override {}
  std::string describe() const override { return block_->describe(); }

 private:
  std::size_t bytes_of(std::int64_t rows, DType dtype) const {
    return static_cast<std::size_t>(rows * channels_) * size_of(dtype);
  }
  /// f32, (rows, C).
  TensorView rows(const Buffer& buffer, std::int64_t first, std::int64_t count) const {
    auto* const at = reinterpret_cast<float*>(buffer.data());
    return {at + first * channels_, {count, channels_}};
  }
  TensorView tickets() const { return {tickets_.data(), {channels_}, DType::i32}; }
  TensorView tracked() const { return {tracked_.data(), {1}, DType::i64}; }

  BlockForward tensors(const ConvForward& conv) const {
    const std::int64_t groups = config_.norm_groups;
    BlockForward all;
    all.input = conv.x;
    all.weights = conv.weights;
    all.conv_output = conv.y;
    all.workspace = conv.workspace;
    all.saved = {rows(saved_, 0, groups), rows(saved_, groups, groups)};
    all.running = {rows(running_, 0, 1).reshaped({channels_}),
                   rows(running_, 1, 1).reshaped({channels_}), tracked()};
    all.tickets = tickets();
    return all;
  }

  void compare_statistics(const Context& context, const BlockForward& on) {
    if (config_.norm_statistics == NormStatistics::exchanged) {
      batch_norm_finish(context, block_->statistics(on), on.running, on.saved,
                        config_.norm_options());
    }
    std::vector<float> found(static_cast<std::size_t>(2 * config_.norm_groups * channels_));
    download(context, rows(saved_, 0, 2 * config_.norm_groups),
             TensorView(found.data(), {2 * config_.norm_groups, channels_}));
    if (expected_.empty()) expected_ = found;
    const double difference = relative_difference(expected_, found);
    if (!(difference <= kTolerance)) {
      fail(ErrorKind::internal, "its statistics differ by {:.2g} from the first's, bound {:.2g}",
           difference, kTolerance);
    }
  }

  BlockConfig config_;
  std::unique_ptr<BlockPlan> block_;
  std::vector<float>& expected_;
  std::int64_t channels_;
  Buffer saved_;    // mean, then inverse deviation
  Buffer running_;  // mean, then variance
  Buffer tickets_;
  Buffer tracked_;
  bool compared_ = false;
};

class BlockSearch {
 public:
  BlockSearch(const Context& context, const BlockConfig& config,
              const std::vector<BlockCandidate>& candidates)
      : context_(context), config_(config), candidates_(candidates) {}

  std::unique_ptr<BlockPlan> choose() {
    const ConvConfig conv = forward_of(config_);
    const std::size_t l2_bytes = describe_device(context_.device().ordinal).l2_bytes;
    const int sets = buffer_sets_for(TimingTensors::set_bytes(conv), l2_bytes);
    try {
      tensors_.emplace(context_, conv, sets);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unavailable) throw;
      return candidates_.front().make(context_, config_);  // no memory to try anything on
    }
    GraphTimer timer(context_, {sets, [this] { tensors_->refresh(); }, tensors_->result()});
    const TuningProblem problem{cache_key(), [this] { return next(); },
                                [this](const std::string& key) { return restored(key); },
                                kTolerance};
    TuningOutcome outcome =
        choose_candidate(problem, &timer, TuningMode::fastest, plan_cache_folder());
    context_.synchronize();  // before the tensors go
    if (!outcome.candidate) {
      fail(ErrorKind::unavailable, "block: nothing computes {} on {}; {}", to_string(config_.conv),
           to_string(config_.input), outcome.how);
    }
    return calls_.at(outcome.candidate->name)->release();
  }

 private:
  std::string cache_key() const {
    const DeviceDescription gpu = describe_device(context_.device().ordinal);
    std::string names;
    for (const BlockCandidate& one : candidates_) names += fmt::format(" {},", one.name);
    return fmt::format("block {} {} {} sm {}{}: {} on {}, {}, groups {}, {}:{}", kChoiceVersion,
                       library_key(), gpu.name, gpu.major, gpu.minor, to_string(config_.conv),
                       to_string(config_.input), name_of(config_.dtype), config_.norm_groups,
                       config_.norm_statistics == NormStatistics::exchanged ? "exchanged" : "local",
                       names);
  }

  TuningCandidate made(const BlockCandidate& candidate) {
    const std::string name(candidate.name);
    auto call = std::make_unique<ConvolveCall>(context_, config_, candidate.make(context_, config_),
                                               expected_);
    ConvolveCall* const kept = call.get();
    calls_[name] = std::move(call);
    return {name, name, kept->workspace_bytes(ConvPass::forward),
            [this, kept](int set) { tensors_->run(*kept, set); }};
  }
  std::optional<TuningCandidate> next() {
    if (next_ == candidates_.size()) return std::nullopt;
    return made(candidates_[next_++]);
  }
  std::optional<TuningCandidate> restored(const std::string& key) {
    const auto known =
        std::find_if(candidates_.begin(), candidates_.end(),
                     [&](const BlockCandidate& candidate) { return candidate.name == key; });
    if (known == candidates_.end()) return std::nullopt;
    return made(*known);
  }

  const Context& context_;
  BlockConfig config_;
  const std::vector<BlockCandidate>& candidates_;
  std::size_t next_ = 0;
  std::optional<TimingTensors> tensors_;
  std::vector<float> expected_;  // statistics of the first candidate
  std::map<std::string, std::unique_ptr<ConvolveCall>> calls_;
};

}  // namespace

std::unique_ptr<BlockPlan> plan_tuned_block(const Context& context, const BlockConfig& config,
                                            const std::vector<BlockCandidate>& candidates) {
  return BlockSearch(context, config, candidates).choose();
}

}  // namespace dcgan::cuda
