#include "kernels/block/fold_variants.h"
#include "kernels/common/cuda/reduce.h"
#include "kernels/common/cuda/vector.h"

namespace dcgan::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kMostBlocks = 2048;

struct FoldArguments {
  const float* weights;
  const float* norm_weight;  // (C), and the next three
  const float* norm_bias;
  const float* mean;
  const float* var;
  float* bias;
  std::int64_t count;  // of weights, at least C
  std::int64_t run;    // channel_run()
  std::int64_t channels;
  float epsilon;
};

/// One thread an element: weights are folded when they are loaded, not in a pass.
template <class T>
__global__ void __launch_bounds__(kThreads) fold_norm_kernel(FoldArguments arguments, T* folded) {
  start_after_previous();
  const std::int64_t stride = std::int64_t{gridDim.x} * kThreads;
  for (std::int64_t at = std::int64_t{blockIdx.x} * kThreads + threadIdx.x; at < arguments.count;
       at += stride) {
    const std::int64_t channel = at / arguments.run % arguments.channels;
    const float scale =
        arguments.norm_weight[channel] / sqrtf(arguments.var[channel] + arguments.epsilon);
    store_one(folded + at, arguments.weights[at] * scale);
    if (at % arguments.run == 0 && at / arguments.run < arguments.channels) {  // once a channel
      arguments.bias[channel] = fmaf(-arguments.mean[channel], scale, arguments.norm_bias[channel]);
    }
  }
}

}  // namespace

void fold_norm(const Context& context, const ConvSpec& conv, const NormFold& tensors,
               float epsilon) {
  const FoldArguments arguments{tensors.weights.as<float>(),
                                tensors.norm.weight.as<float>(),
                                tensors.norm.bias.as<float>(),
                                tensors.running.mean.as<float>(),
                                tensors.running.var.as<float>(),
                                tensors.bias.as<float>(),
                                tensors.weights.elements(),
                                channel_run(conv),
                                conv.out_channels,
                                epsilon};
  with_storage(tensors.folded.dtype, [&]<class T>() {
    launch(context, fold_norm_kernel<T>,
           {"fold_norm_kernel", blocks_for(arguments.count, kThreads, kMostBlocks), dim3(kThreads)},
           arguments, tensors.folded.as<T>());
  });
}

}  // namespace dcgan::cuda
