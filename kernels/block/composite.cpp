#include "kernels/block/block.h"

namespace dcgan {
namespace {

TensorView as_scratch(const TensorView& w) {
  return {w.data, {w.elements() / static_cast<std::int64_t>(sizeof(float))}, DType::f32};
}

class Composite final : public BlockPlan {
 public:
  Composite(const Context& context, const BlockConfig& config)
      : config_(config),
        conv_(plan_convolution(context, {config.conv,
                                         config.norm == Norm::batch ? ActivationSpec{}
                                                                    : config.activation,
                                         config.input, config.dtype, config.policy})) {
    bytes_ = conv_->workspace_bytes();
    if (config.norm == Norm::batch) {
      bytes_ = std::max(bytes_, sizeof(float) * static_cast<std::size_t>(batch_norm_scratch_elements(
                                                    context, config.output(), config.norm_groups)));
    }
  }
  std::size_t workspace_bytes(ConvPass) const override { return bytes_; }
  void convolve(const Context& context, const BlockForward& t) override {
    conv_->forward(context, t.input, t.weights, config_.norm == Norm::batch ? t.conv_output : t.output,
                   t.workspace);
  }
  void normalise(const Context& context, const BlockForward& t) override {
    if (config_.norm == Norm::none) return;
    batch_norm_train_forward(context, t.conv_output, t.norm, t.running, t.output, t.saved,
                             as_scratch(t.workspace), config_.norm_options());
  }
  void infer(const Context& context, const BlockForward& t) override {
    convolve(context, t);
    if (config_.norm == Norm::none) return;
    batch_norm_eval_forward(context, t.conv_output, t.norm, t.running, t.output,
                            config_.norm_options());
  }
  void backward_sums(const Context&, const BlockBackward&) override {}
  void backward_apply(const Context& context, const BlockBackward& t) override {
    if (config_.norm == Norm::none) return;
    batch_norm_backward(context,
                        {t.conv_output, t.norm, t.saved, t.doutput, t.doutput, t.dnorm_weight,
                         t.dnorm_bias},
                        as_scratch(t.workspace), config_.norm_options());
  }
  void backward_data(const Context& context, const BlockBackward& t) override {
    if (!t.dweights.empty()) return;
    conv_->backward(context, {t.input, t.weights, t.output, t.doutput, t.dinput, {}}, t.workspace);
  }
  void backward_weights(const Context& context, const BlockBackward& t) override {
    conv_->backward(context, {t.input, t.weights, t.output, t.doutput, t.dinput, t.dweights},
                    t.workspace);
  }
  std::string describe() const override { return conv_->describe(); }

 private:
  BlockConfig config_;
  std::unique_ptr<ConvPlan> conv_;
  std::size_t bytes_;
};

}  // namespace

std::unique_ptr<BlockPlan> plan_block(const Context& context, const BlockConfig& config) {
  return std::make_unique<Composite>(context, config);
}

}  // namespace dcgan
