// The variants behind batch_norm.h, one namespace a device. Arguments have been checked.
#pragma once

#include "kernels/norm/batch_norm.h"

namespace dcgan {

namespace cpu {
void batch_norm_train_forward(const Context& context, ConstTensorView x,
                              const BatchNormParameters& parameters,
                              const BatchNormRunning& running, TensorView y,
                              const BatchNormSaved& saved, TensorView scratch,
                              const BatchNormOptions& options);
void batch_norm_eval_forward(const Context& context, ConstTensorView x,
                             const BatchNormParameters& parameters, const BatchNormRunning& running,
                             TensorView y, const BatchNormOptions& options);
void batch_norm_backward(const Context& context, const BatchNormBackward& tensors,
                         TensorView scratch, const BatchNormOptions& options);
std::int64_t batch_norm_scratch_elements(const Context& context, const Shape& shape, int groups);
}  // namespace cpu

namespace cuda {
void batch_norm_train_forward(const Context& context, ConstTensorView x,
                              const BatchNormParameters& parameters,
                              const BatchNormRunning& running, TensorView y,
                              const BatchNormSaved& saved, TensorView scratch,
                              const BatchNormOptions& options);
void batch_norm_eval_forward(const Context& context, ConstTensorView x,
                             const BatchNormParameters& parameters, const BatchNormRunning& running,
                             TensorView y, const BatchNormOptions& options);
void batch_norm_backward(const Context& context, const BatchNormBackward& tensors,
                         TensorView scratch, const BatchNormOptions& options);
std::int64_t batch_norm_scratch_elements(const Context& context, const Shape& shape, int groups);
}  // namespace cuda

}  // namespace dcgan
