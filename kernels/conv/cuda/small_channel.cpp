#include "kernels/conv/cuda/small_channel.h"
#include "kernels/conv/cuda/plans.h"
#include "kernels/conv/cuda/small_channel_tensor.h"
#include "kernels/conv/underlying.h"

namespace dcgan::cuda {
namespace {

/// The three products in one way to compute them.
struct Kernels {
  const char* description;
  decltype(&small_channel_forward) forward;
  decltype(&small_channel_backward_data) backward_data;
  decltype(&small_channel_backward_weights) backward_weights;
  decltype(&small_channel_partials) partials;
};

constexpr Kernels kFp32{"own small-channel kernels, activation inside", small_channel_forward,
                        small_channel_backward_data, small_channel_backward_weights,
                        small_channel_partials};
constexpr Kernels kTensor{"own small-channel kernels on tensor cores, activation inside",
                          small_channel_tensor_forward, small_channel_tensor_backward_data,
                          small_channel_tensor_backward_weights, small_channel_tensor_partials};

class SmallChannelPlan final : public ConvPlan {
 public:
  SmallChannelPlan(const ConvConfig& config, const SmallChannelConv& conv, const Kernels& kernels)
      : type_(config.spec.type),
        passes_(config.passes),
        activation_(config.activation),
        conv_(conv),
        kernels_(kernels) {}

  std::size_t workspace_bytes(ConvPass pass) const override {
    if (pass != ConvPass::backward_weights || !passes_.backward_weights) return 0;
    return static_cast<std::size_t>(kernels_.partials(conv_)) * sizeof(float);
  }

  void forward(const Context& context, const ConvForward& tensors) override {
    run(context, ConvPass::forward, {tensors.x, {}, {}}, tensors.weights, tensors.y, activation_);
  }

  // The derivative of the activation is applied where dy is loaded.
  void activation_backward(const Context& /*context*/, const ConvBackward& /*tensors*/) override {}

  void backward_data(const Context& context, const ConvBackward& tensors) override {
    run(context, ConvPass::backward_data, {tensors.dy, tensors.y, activation_}, tensors.weights,
        tensors.dx, {});
  }

  void backward_weights(const Context& context, const ConvBackward& tensors) override {
    const DerivedTensor x{tensors.x, {}, {}};
    const DerivedTensor dy{tensors.dy, tensors.y, activation_};
    const auto [image, features] = image_and_features(type_, x, dy);
    auto* partials = reinterpret_cast<float*>(tensors.workspace.as<std::uint8_t>());
    kernels_.backward_weights(context, conv_, image, features, tensors.dweights, partials);
  }

  std::string describe() const override { return kernels_.description; }

 private:
  void run(const Context& context, ConvPass pass, const DerivedTensor& from,
           ConstTensorView weights, TensorView to, const ActivationSpec& activation) const {
    if (underlying_product(type_, pass) == ConvPass::forward) {
      kernels_.forward(context, conv_, from, weights, to, activation);
    } else {
      kernels_.backward_data(context, conv_, from, weights, to, activation);
    }
  }

  ConvType type_;
  ConvPasses passes_;
  ActivationSpec activation_;
  SmallChannelConv conv_;
  const Kernels& kernels_;
};

SmallChannelConv conv_of(const ConvConfig& config) {
  const UnderlyingConv underlying = underlying_of(config);
  const Shape& image = underlying.image;
  const Shape& features = underlying.features;
  const auto extent = [](const Shape& shape, int axis) { return static_cast<int>(shape[axis]); };
  SmallChannelConv conv;
  conv.images = extent(image, 0);
  conv.height = extent(image, 1);
  conv.width = extent(image, 2);
  conv.channels = extent(image, 3);
  conv.rows = extent(features, 1);
  conv.columns = extent(features, 2);
  conv.features = extent(features, 3);
  conv.kernel = underlying.kernel;
  conv.stride = underlying.stride;
  conv.padding = underlying.padding;
  conv.dtype = underlying.dtype;
  return conv;
}

}  // namespace

bool small_channel_fits(const Context& /*context*/, const ConvConfig& config) {
  const ConvSpec& spec = config.spec;
  return class_of(underlying_of(config)) == ConvClass::small_channel &&
         config.bias == ConvBias::none && spec.kernel <= 4 && spec.stride <= 2 &&
         spec.stride <= spec.kernel;
}

std::unique_ptr<ConvPlan> plan_small_channel(const Context& context, const ConvConfig& config) {
  DCGAN_CHECK(small_channel_fits(context, config),
              "conv: {} on {} is not for the small-channel kernels", to_string(config.spec),
              to_string(config.input));
  return std::make_unique<SmallChannelPlan>(config, conv_of(config), kFp32);
}

bool small_channel_tensor_fits(const Context& context, const ConvConfig& config) {
  if (!small_channel_fits(context, config)) return false;
  if (config.dtype != DType::bf16 && !config.policy.allow_tf32) return false;
  const SmallChannelConv conv = conv_of(config);
  return conv.kernel == 4 && conv.stride == 2 && conv.padding == 1 &&
         (conv.channels == 1 || conv.channels == 3) && conv.height == 2 * conv.rows &&
         conv.width == 2 * conv.columns && conv.features % 8 == 0;
}

std::unique_ptr<ConvPlan> plan_small_channel_tensor(const Context& context,
                                                    const ConvConfig& config) {
  DCGAN_CHECK(small_channel_tensor_fits(context, config),
              "conv: {} on {} is not for the small-channel kernels on tensor cores",
              to_string(config.spec), to_string(config.input));
  return std::make_unique<SmallChannelPlan>(config, conv_of(config), kTensor);
}

}  // namespace dcgan::cuda
