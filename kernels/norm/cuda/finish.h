// What a channel's merged statistics become, behind one launch or another.
#pragma once

#include "kernels/norm/batch_norm.h"
#include "kernels/norm/cuda/moments.h"

namespace dcgan::cuda {

struct FinishOut {
  float* saved_mean;  // (groups, C)
  float* saved_invstd;
  float* running_mean;  // (C)
  float* running_var;
  std::int64_t* batches_tracked;
  float epsilon;
  float momentum;
};

inline FinishOut finish_out(const BatchNormRunning& running, const BatchNormSaved& saved,
                            const BatchNormOptions& options) {
  return {saved.mean.as<float>(),
          saved.invstd.as<float>(),
          running.mean.as<float>(),
          running.var.as<float>(),
          running.batches_tracked.as<std::int64_t>(),
          options.epsilon,
          options.momentum};
}

__device__ __forceinline__ void update_running(float* running, float momentum, float value) {
  *running = (1.0f - momentum) * *running + momentum * value;
}

/// at: of (group, channel). Called in the order of the groups.
__device__ __forceinline__ void finish_channel(const FinishOut& to, const Moments& all,
                                               std::int64_t at, int channel) {
  to.saved_mean[at] = all.mean;
  to.saved_invstd[at] = 1.0f / sqrtf(all.m2 / all.count + to.epsilon);
  update_running(to.running_mean + channel, to.momentum, all.mean);
  update_running(to.running_var + channel, to.momentum, all.m2 / (all.count - 1.0f));
}

}  // namespace dcgan::cuda
