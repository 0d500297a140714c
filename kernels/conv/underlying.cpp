#include "kernels/conv/underlying.h"

#include <utility>

namespace dcgan {

UnderlyingConv underlying_of(const ConvConfig& config) {
  const ConvSpec& spec = config.spec;
  const Shape output = spec.output_shape(config.input);
  const auto [image, features] = image_and_features(spec.type, config.input, output);
  ConvPasses products = config.passes;
  if (spec.type == ConvType::transposed) std::swap(products.forward, products.backward_data);
  return {image, features, spec.kernel, spec.stride, spec.padding, config.dtype, products};
}

ConvPass underlying_product(ConvType type, ConvPass pass) {
  if (type == ConvType::convolution || pass == ConvPass::backward_weights) return pass;
  return pass == ConvPass::forward ? ConvPass::backward_data : ConvPass::forward;
}

ConvClass class_of(const UnderlyingConv& conv) {
  constexpr std::int64_t kMostSmallChannels = 4;
  const bool covers_image = conv.features[1] == 1 && conv.features[2] == 1 &&
                            conv.image[1] == conv.kernel && conv.image[2] == conv.kernel &&
                            conv.padding == 0;
  if (covers_image) return conv.features[3] == 1 ? ConvClass::gemv : ConvClass::gemm;
  return conv.image[3] <= kMostSmallChannels ? ConvClass::small_channel : ConvClass::wide;
}

}  // namespace dcgan
