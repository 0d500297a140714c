// The directions of batch norm for a batch that is all of one rank's: their steps in a row.
#include "kernels/norm/batch_norm_variants.h"

namespace dcgan::cpu {

void batch_norm_local_statistics(const Context& context, ConstTensorView x,
                                 const BatchNormLocal& tensors, const BatchNormOptions& options) {
  cpu::batch_norm_statistics(context, x, tensors.parts, options);
  cpu::batch_norm_finish(context, tensors.parts, tensors.running, tensors.saved, options);
}

void batch_norm_local_forward(const Context& context, const BatchNormLocalForward& tensors,
                              const BatchNormOptions& options) {
  cpu::batch_norm_local_statistics(context, tensors.x, tensors.local, options);
  cpu::batch_norm_apply(context, {tensors.x, tensors.parameters, tensors.local.saved, tensors.y},
                        options);
}

void batch_norm_local_backward(const Context& context, const BatchNormBackward& tensors,
                               const BatchNormReduction& reduction,
                               const BatchNormOptions& options) {
  const ConstTensorView& x = tensors.x;
  cpu::batch_norm_backward_sums(context, tensors, reduction, options);
  cpu::batch_norm_backward_apply(context, tensors, reduction.totals,
                                 x.elements() / x.shape[3] / options.groups, options);
}

}  // namespace dcgan::cpu
