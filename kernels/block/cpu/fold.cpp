#include <cmath>

#include "kernels/block/fold_variants.h"
#include "kernels/common/cpu_loops.h"
#include "runtime/base/parallel.h"

namespace dcgan::cpu {
namespace {

struct Terms {
  const float* weight;
  const float* bias;
  const float* mean;
  const float* var;
  float epsilon;

  float scale(std::int64_t channel) const {
    return weight[channel] / std::sqrt(var[channel] + epsilon);
  }
};

}  // namespace

void fold_norm(const Context& /*context*/, const ConvSpec& conv, const NormFold& tensors,
               float epsilon) {
  const Terms terms{tensors.norm.weight.as<float>(), tensors.norm.bias.as<float>(),
                    tensors.running.mean.as<float>(), tensors.running.var.as<float>(), epsilon};
  const std::int64_t channels = conv.out_channels;
  const std::int64_t run = channel_run(conv);
  auto* bias = tensors.bias.as<float>();
  for (std::int64_t c = 0; c < channels; ++c) {
    bias[c] = std::fma(-terms.mean[c], terms.scale(c), terms.bias[c]);
  }
  const auto* from = tensors.weights.as<float>();
  with_float_type(tensors.folded.dtype, [&]<class T>() {
    T* to = tensors.folded.as<T>();
    const std::int64_t count = tensors.weights.elements();
    parallel_for(count, kElementGrain, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        to[i] = static_cast<T>(from[i] * terms.scale(i / run % channels));
      }
    });
  });
}

}  // namespace dcgan::cpu
