#include "kernels/conv/cuda/small_channel.h"
#include "kernels/conv/cuda/plans.h"

namespace dcgan::cuda {
namespace {

/// Both directions are the same three products with the roles of image and features exchanged.
class DirectConvPlan final : public ConvPlan {
 public:
  DirectConvPlan(const ConvConfig& config, const ImageConv& conv)
      : down_(config.spec.type == ConvType::convolution),
        activation_(config.activation),
        conv_(conv) {}

  std::size_t workspace_bytes(ConvPass pass) const override {
    if (pass != ConvPass::backward_weights) return 0;
    return static_cast<std::size_t>(image_weights_partials(conv_)) * sizeof(float);
  }

  void forward(const Context& context, const ConvForward& tensors) override {
    const Operand x{tensors.x, {}, {}};
    if (down_) {
      image_to_features(context, conv_, x, tensors.weights, tensors.y, activation_);
    } else {
      features_to_image(context, conv_, x, tensors.weights, tensors.y, activation_);
    }
  }

  // The derivative of the activation is applied where dy is loaded.
  void activation_backward(const Context& /*context*/, const ConvBackward& /*tensors*/) override {}

  void backward_data(const Context& context, const ConvBackward& tensors) override {
    const Operand dy{tensors.dy, tensors.y, activation_};
    if (down_) {
      features_to_image(context, conv_, dy, tensors.weights, tensors.dx, {});
    } else {
      image_to_features(context, conv_, dy, tensors.weights, tensors.dx, {});
    }
  }

  void backward_weights(const Context& context, const ConvBackward& tensors) override {
    const Operand x{tensors.x, {}, {}};
    const Operand dy{tensors.dy, tensors.y, activation_};
    auto* partials = reinterpret_cast<float*>(tensors.workspace.as<std::uint8_t>());
    image_weights(context, conv_, down_ ? x : dy, down_ ? dy : x, tensors.dweights, partials);
  }

  std::string describe() const override { return "own kernels, activation inside"; }

 private:
  bool down_;
  ActivationSpec activation_;
  ImageConv conv_;
};

}  // namespace

std::unique_ptr<ConvPlan> plan_direct_convolution(const Context& /*context*/,
                                                  const ConvConfig& config) {
  const ConvSpec& spec = config.spec;
  const bool down = spec.type == ConvType::convolution;
  DCGAN_CHECK(is_direct(config), "conv: {} is not an image's side", to_string(spec));
  const Shape output = spec.output_shape(config.input);
  const Shape& image = down ? config.input : output;
  const Shape& features = down ? output : config.input;
  const auto extent = [](const Shape& shape, int axis) { return static_cast<int>(shape[axis]); };
  ImageConv conv;
  conv.images = extent(image, 0);
  conv.height = extent(image, 1);
  conv.width = extent(image, 2);
  conv.channels = extent(image, 3);
  conv.rows = extent(features, 1);
  conv.columns = extent(features, 2);
  conv.features = extent(features, 3);
  conv.kernel = spec.kernel;
  conv.stride = spec.stride;
  conv.padding = spec.padding;
  conv.dtype = config.dtype;
  return std::make_unique<DirectConvPlan>(config, conv);
}

}  // namespace dcgan::cuda
