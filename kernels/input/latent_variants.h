// The variants behind latent.h, one namespace a device. Arguments have been checked.
#pragma once

#include "kernels/input/latent.h"

namespace dcgan {

namespace cpu {
void draw_latent(const Context& context, ConstTensorView draw, TensorView z,
                 const LatentOptions& options);
void draw_next_latent(const Context& context, TensorView draw, TensorView z,
                      const LatentOptions& options);
}  // namespace cpu

namespace cuda {
void draw_latent(const Context& context, ConstTensorView draw, TensorView z,
                 const LatentOptions& options);
void draw_next_latent(const Context& context, TensorView draw, TensorView z,
                      const LatentOptions& options);
}  // namespace cuda

}  // namespace dcgan
