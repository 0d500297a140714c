// The optional stage between the generator's output and the discriminator's input: augmentation.
#pragma once

#include <string>

#include "runtime/base/tensor.h"
#include "runtime/device/context.h"

namespace dcgan {

/// Images are (N, H, W, C), f32 or bf16. Both calls enqueue, neither waits nor allocates. Source of
/// the idea: Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training".
class ImageStage {
 public:
  virtual ~ImageStage() = default;
  /// What it does, for `info` and logs.
  virtual std::string describe() const = 0;
  /// output = stage(images). No aliasing.
  virtual void forward(const Context& context, ConstTensorView images, TensorView output) = 0;
  /// dimages = gradient of the last forward() over as many images, in its images. No aliasing.
  virtual void backward(const Context& context, ConstTensorView doutput, TensorView dimages) = 0;
};

}  // namespace dcgan
