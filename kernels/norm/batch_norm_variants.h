// The variants behind batch_norm.h, one namespace a device. Arguments have been checked.
#pragma once

#include "kernels/norm/batch_norm.h"

namespace dcgan {

namespace cpu {
std::int64_t batch_norm_parts(const Shape& shape, int groups);
void batch_norm_statistics(const Context& context, ConstTensorView x,
                           const BatchNormStatistics& statistics, const BatchNormOptions& options);
void batch_norm_merge(const Context& context, const BatchNormStatistics& from,
                      const BatchNormStatistics& to, std::int64_t part);
void batch_norm_finish(const Context& context, const BatchNormStatistics& statistics,
                       const BatchNormRunning& running, const BatchNormSaved& saved,
                       const BatchNormOptions& options);
void batch_norm_local_statistics(const Context& context, ConstTensorView x,
                                 const BatchNormLocal& tensors, const BatchNormOptions& options);
void batch_norm_apply(const Context& context, const BatchNormApply& tensors,
                      const BatchNormOptions& options);
void batch_norm_inference(const Context& context, const BatchNormInference& tensors,
                          const BatchNormOptions& options);
void batch_norm_backward_sums(const Context& context, const BatchNormBackward& tensors,
                              const BatchNormReduction& reduction, const BatchNormOptions& options);
void batch_norm_backward_apply(const Context& context, const BatchNormBackward& tensors,
                               const BatchNormSums& totals, std::int64_t count,
                               const BatchNormOptions& options);
}  // namespace cpu

namespace cuda {
std::int64_t batch_norm_parts(const Shape& shape, DType dtype, int groups);
void batch_norm_statistics(const Context& context, ConstTensorView x,
                           const BatchNormStatistics& statistics, const BatchNormOptions& options);
void batch_norm_merge(const Context& context, const BatchNormStatistics& from,
                      const BatchNormStatistics& to, std::int64_t part);
void batch_norm_finish(const Context& context, const BatchNormStatistics& statistics,
                       const BatchNormRunning& running, const BatchNormSaved& saved,
                       const BatchNormOptions& options);
void batch_norm_local_statistics(const Context& context, ConstTensorView x,
                                 const BatchNormLocal& tensors, const BatchNormOptions& options);
void batch_norm_apply(const Context& context, const BatchNormApply& tensors,
                      const BatchNormOptions& options);
void batch_norm_inference(const Context& context, const BatchNormInference& tensors,
                          const BatchNormOptions& options);
void batch_norm_backward_sums(const Context& context, const BatchNormBackward& tensors,
                              const BatchNormReduction& reduction, const BatchNormOptions& options);
void batch_norm_backward_apply(const Context& context, const BatchNormBackward& tensors,
                               const BatchNormSums& totals, std::int64_t count,
                               const BatchNormOptions& options);
}  // namespace cuda

}  // namespace dcgan
