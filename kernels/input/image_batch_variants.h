// The variants behind image_batch.h, one namespace a device. Arguments have been checked, but for
// the values of indices and of a schedule, which live on the device.
#pragma once

#include "kernels/input/image_batch.h"

namespace dcgan {

namespace cpu {
void gather_images(const Context& context, ConstTensorView images, ConstTensorView indices,
                   ConstTensorView flips, TensorView out);
void gather_scheduled_images(const Context& context, ConstTensorView images,
                             const ImageSchedule& schedule, TensorView out);
void images_to_uint8(const Context& context, ConstTensorView x, TensorView y);
}  // namespace cpu

namespace cuda {
void gather_images(const Context& context, ConstTensorView images, ConstTensorView indices,
                   ConstTensorView flips, TensorView out);
void gather_scheduled_images(const Context& context, ConstTensorView images,
                             const ImageSchedule& schedule, TensorView out);
void images_to_uint8(const Context& context, ConstTensorView x, TensorView y);
}  // namespace cuda

}  // namespace dcgan
