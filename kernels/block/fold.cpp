#include "kernels/block/fold.h"

#include "kernels/block/fold_variants.h"
#include "kernels/common/checks.h"
#include "runtime/base/build_config.h"

namespace dcgan {

void fold_norm(const Context& context, const ConvSpec& conv, const NormFold& tensors,
               float epsilon) {
  constexpr const char* kName = "fold_norm";
  const Shape weights = conv.weight_shape();
  const Shape channels{conv.out_channels};
  checks::tensor(kName, "weights", tensors.weights, DType::f32, weights);
  checks::tensor(kName, "norm.weight", tensors.norm.weight, DType::f32, channels);
  checks::tensor(kName, "norm.bias", tensors.norm.bias, DType::f32, channels);
  checks::tensor(kName, "running.mean", tensors.running.mean, DType::f32, channels);
  checks::tensor(kName, "running.var", tensors.running.var, DType::f32, channels);
  checks::dtype(kName, "folded", tensors.folded, {DType::f32, DType::bf16});
  checks::shape(kName, "folded", tensors.folded, weights);
  checks::tensor(kName, "bias", tensors.bias, DType::f32, channels);
  checks::disjoint(kName, "folded", tensors.folded, "weights", tensors.weights);
  checks::disjoint(kName, "bias", tensors.bias, "norm.bias", tensors.norm.bias);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::fold_norm(context, conv, tensors, epsilon);
  }
  cpu::fold_norm(context, conv, tensors, epsilon);
}

}  // namespace dcgan
