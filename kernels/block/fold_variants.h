// The variants behind fold.h, one namespace a device. Arguments have been checked.
#pragma once

#include "kernels/block/fold.h"

namespace dcgan {

/// How many neighbouring elements of the weights belong to one output channel, before the next
/// channel's begin: a convolution's are (K, r, s, C), a transposed one's (C, r, s, K).
inline std::int64_t channel_run(const ConvSpec& conv) {
  return conv.type == ConvType::transposed
             ? 1
             : std::int64_t{conv.kernel} * conv.kernel * conv.in_channels;
}

namespace cpu {
void fold_norm(const Context& context, const ConvSpec& conv, const NormFold& tensors,
               float epsilon);
}  // namespace cpu

namespace cuda {
void fold_norm(const Context& context, const ConvSpec& conv, const NormFold& tensors,
               float epsilon);
}  // namespace cuda

}  // namespace dcgan
