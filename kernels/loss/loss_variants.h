// The variants behind loss.h, one namespace a device. Arguments have been checked.
#pragma once

#include "kernels/loss/loss.h"

namespace dcgan {

namespace cpu {
void discriminator_loss(const Context& context, ConstTensorView logits, ConstTensorView real_labels,
                        TensorView dlogits, TensorView results, const LossOptions& options);
void generator_loss(const Context& context, ConstTensorView logits, TensorView dlogits,
                    TensorView results, const LossOptions& options);
}  // namespace cpu

namespace cuda {
void discriminator_loss(const Context& context, ConstTensorView logits, ConstTensorView real_labels,
                        TensorView dlogits, TensorView results, const LossOptions& options);
void generator_loss(const Context& context, ConstTensorView logits, TensorView dlogits,
                    TensorView results, const LossOptions& options);
}  // namespace cuda

}  // namespace dcgan
