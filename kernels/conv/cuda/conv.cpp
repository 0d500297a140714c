// Which of the CUDA convolutions computes a shape.
#include "kernels/conv/conv_variants.h"
#include "kernels/conv/cuda/plans.h"

namespace dcgan::cuda {

bool is_dense(const ConvConfig& config) {
  const ConvSpec& spec = config.spec;
  return spec.type == ConvType::transposed && config.input[1] == 1 && config.input[2] == 1 &&
         spec.stride == 1 && spec.padding == 0;
}

bool is_head(const ConvConfig& config) {
  const ConvSpec& spec = config.spec;
  return spec.type == ConvType::convolution && spec.out_channels == 1 && spec.padding == 0 &&
         config.input[1] == spec.kernel && config.input[2] == spec.kernel;
}

bool is_direct(const ConvConfig& config) {
  const ConvSpec& spec = config.spec;
  const std::int64_t image_channels =
      spec.type == ConvType::convolution ? spec.in_channels : spec.out_channels;
  return image_channels <= 4 && spec.kernel <= 4 && spec.stride <= 2 && spec.stride <= spec.kernel;
}

std::unique_ptr<ConvPlan> plan_convolution(const Context& context, const ConvConfig& config) {
  if (is_dense(config)) return plan_dense_convolution(context, config);
  if (is_head(config)) return plan_head(context, config);
  if (is_direct(config)) return plan_direct_convolution(context, config);
  return plan_library_convolution(context, config);
}

}  // namespace dcgan::cuda
