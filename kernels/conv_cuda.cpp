// Which of the CUDA convolutions computes a shape.
#include "kernels/conv_plans_cuda.h"
#include "kernels/conv_variants.h"

namespace dcgan::cuda {

bool is_dense(const ConvConfig& config) {
  const ConvSpec& spec = config.spec;
  return spec.direction == ConvDirection::up && config.input[1] == 1 && config.input[2] == 1 &&
         spec.stride == 1 && spec.padding == 0;
}

bool is_head(const ConvConfig& config) {
  const ConvSpec& spec = config.spec;
  return spec.direction == ConvDirection::down && spec.out_channels == 1 && spec.padding == 0 &&
         config.input[1] == spec.kernel && config.input[2] == spec.kernel;
}

bool is_direct(const ConvConfig& config) {
  const ConvSpec& spec = config.spec;
  const std::int64_t image_channels =
      spec.direction == ConvDirection::down ? spec.in_channels : spec.out_channels;
  return image_channels <= 4 && spec.kernel <= 4 && spec.stride <= 2 && spec.stride <= spec.kernel;
}

std::unique_ptr<ConvPlan> plan_convolution(const Context& context, const ConvConfig& config) {
  if (is_dense(config)) return plan_dense_convolution(context, config);
  if (is_head(config)) return plan_head(context, config);
  if (is_direct(config)) return plan_direct_convolution(context, config);
  return plan_library_convolution(context, config);
}

}  // namespace dcgan::cuda
