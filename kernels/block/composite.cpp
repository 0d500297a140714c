// A block out of a convolution plan and the operations of batch norm. Forward, the convolution's
// workspace and the statistics share bytes: the one is no longer used when the other is written.
#include <algorithm>

#include "kernels/block/block_variants.h"

namespace dcgan {
namespace {

ConvConfig conv_config(const BlockConfig& config) {
  const bool inside = config.norm == Norm::none;  // the activation
  return {config.conv,   inside ? config.activation : ActivationSpec{},
          config.input,  config.dtype,
          config.passes, config.policy,
          config.bias};
}

std::size_t bytes_of_f32(std::int64_t elements) {
  return sizeof(float) * static_cast<std::size_t>(elements);
}

/// f32 elements of a workspace, from `first` on.
TensorView f32_elements(const TensorView& workspace, std::int64_t first, std::int64_t count) {
  return {static_cast<float*>(workspace.data) + first, {count}};
}

ConvBackward conv_tensors(const BlockBackward& tensors) {
  return {tensors.input,  tensors.weights,  tensors.output,   tensors.doutput,
          tensors.dinput, tensors.dweights, tensors.workspace};
}

class CompositeBlock final : public BlockPlan {
 public:
  CompositeBlock(const Context& context, const BlockConfig& config)
      : config_(config),
        output_(config.output()),
        options_(config.norm_options()),
        conv_(plan_convolution(context, conv_config(config))) {
    if (has_norm()) parts_ = batch_norm_parts(context, output_, config.dtype, config.norm_groups);
  }

  std::size_t workspace_bytes(ConvPass pass) const override {
    const std::size_t conv = conv_->workspace_bytes(pass);
    if (!has_norm()) return conv;
    const ConvPasses& passes = config_.passes;
    if (pass == ConvPass::forward && passes.forward) {
      return std::max(conv, bytes_of_f32(statistics_elements()));
    }
    if (pass == ConvPass::backward_data && (passes.backward_data || passes.backward_weights)) {
      return std::max(conv, bytes_of_f32(sums_elements(parts_) + sums_elements(1)));
    }
    return conv;
  }

  void convolve(const Context& context, const BlockForward& tensors) override {
    run_convolution(context, tensors);
    if (!has_norm()) return;
    const BatchNormStatistics parts = statistics(tensors);
    if (is_exchanged()) return batch_norm_statistics(context, tensors.conv_output, parts, options_);
    batch_norm_local_statistics(context, tensors.conv_output,
                                {parts, tensors.running, tensors.saved, tensors.tickets}, options_);
  }

  void normalise(const Context& context, const BlockForward& tensors) override {
    if (!has_norm()) return;
    if (is_exchanged()) {
      batch_norm_finish(context, statistics(tensors), tensors.running, tensors.saved, options_);
    }
    batch_norm_apply(context, {tensors.conv_output, tensors.norm, tensors.saved, tensors.output},
                     options_);
  }

  void infer(const Context& context, const BlockForward& tensors) override {
    run_convolution(context, tensors);
    if (!has_norm()) return;
    batch_norm_inference(
        context, {tensors.conv_output, tensors.norm, tensors.running, tensors.output}, options_);
  }

  void backward_sums(const Context& context, const BlockBackward& tensors) override {
    if (!has_norm()) return;
    const BatchNormSums parts =
        BatchNormSums::in(f32_elements(tensors.workspace, 0, sums_elements(parts_)),
                          options_.groups, parts_, output_[3]);
    batch_norm_backward_sums(context, norm_tensors(tensors),
                             {parts, totals(tensors), tensors.tickets}, options_);
  }

  void backward_apply(const Context& context, const BlockBackward& tensors) override {
    if (!has_norm()) return conv_->activation_backward(context, conv_tensors(tensors));
    const std::int64_t own = output_.elements() / output_[3] / options_.groups;
    batch_norm_backward_apply(context, norm_tensors(tensors), totals(tensors),
                              tensors.norm_count > 0 ? tensors.norm_count : own, options_);
  }

  void backward_data(const Context& context, const BlockBackward& tensors) override {
    conv_->backward_data(context, conv_tensors(tensors));
  }

  void backward_weights(const Context& context, const BlockBackward& tensors) override {
    conv_->backward_weights(context, conv_tensors(tensors));
  }

  BatchNormStatistics statistics(const BlockForward& tensors) const override {
    return BatchNormStatistics::in(f32_elements(tensors.workspace, 0, statistics_elements()),
                                   options_.groups, parts_, output_[3]);
  }

  BatchNormSums totals(const BlockBackward& tensors) const override {
    return BatchNormSums::in(
        f32_elements(tensors.workspace, sums_elements(parts_), sums_elements(1)), options_.groups,
        /*parts=*/1, output_[3]);
  }

  std::string describe() const override { return conv_->describe(); }

 private:
  bool has_norm() const { return config_.norm == Norm::batch; }
  bool is_exchanged() const { return config_.norm_statistics == NormStatistics::exchanged; }
  std::int64_t statistics_elements() const {
    return BatchNormStatistics::elements(options_.groups, parts_, output_[3]);
  }
  std::int64_t sums_elements(std::int64_t parts) const {
    return BatchNormSums::elements(options_.groups, parts, output_[3]);
  }

  void run_convolution(const Context& context, const BlockForward& tensors) {
    const TensorView& y = has_norm() ? tensors.conv_output : tensors.output;
    conv_->forward(context, {tensors.input, tensors.weights, y, tensors.workspace, tensors.bias});
  }

  BatchNormBackward norm_tensors(const BlockBackward& tensors) const {
    return {tensors.conv_output,    tensors.norm,         tensors.saved,     tensors.doutput,
            /*dx=*/tensors.doutput, tensors.dnorm_weight, tensors.dnorm_bias};
  }

  BlockConfig config_;
  Shape output_;
  BatchNormOptions options_;
  std::unique_ptr<ConvPlan> conv_;
  std::int64_t parts_ = 0;  // of batch norm's statistics and sums
};

}  // namespace

std::unique_ptr<BlockPlan> make_composite_block(const Context& context, const BlockConfig& config) {
  return std::make_unique<CompositeBlock>(context, config);
}

}  // namespace dcgan
