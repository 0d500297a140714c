// The variants behind loss.h, one namespace a device. Arguments have been checked.
#pragma once

#include "kernels/loss/loss.h"

namespace dcgan {

namespace cpu {
void discriminator_loss(const Context& context, const DiscriminatorLoss& tensors, LossKind kind);
void generator_loss(const Context& context, const GeneratorLoss& tensors, LossKind kind);
}  // namespace cpu

namespace cuda {
void discriminator_loss(const Context& context, const DiscriminatorLoss& tensors, LossKind kind);
void generator_loss(const Context& context, const GeneratorLoss& tensors, LossKind kind);
}  // namespace cuda

}  // namespace dcgan
