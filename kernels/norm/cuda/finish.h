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

/// A channel's running statistics, in registers from the first group to the last: they are loaded
/// while the groups' parts are on their way.
struct RunningChannel {
  float mean = 0.0f;
  float var = 0.0f;

  /// `wanted`: by a thread that stores them. Another block may be writing those of other channels.
  __device__ __forceinline__ RunningChannel(const FinishOut& of, int channel, bool wanted) {
    if (!wanted) return;
    mean = of.running_mean[channel];
    var = of.running_var[channel];
  }

  /// Writes what is saved of a group; at: of (group, channel). Called in the order of the groups.
  __device__ __forceinline__ void finish(const FinishOut& to, const Moments<1>& all,
                                         std::int64_t at) {
    const float m2 = all.m2.v[0];
    to.saved_mean[at] = all.mean.v[0];
    to.saved_invstd[at] = 1.0f / sqrtf(m2 / all.count + to.epsilon);
    mean = (1.0f - to.momentum) * mean + to.momentum * all.mean.v[0];
    var = (1.0f - to.momentum) * var + to.momentum * (m2 / (all.count - 1.0f));
  }
  __device__ __forceinline__ void store(const FinishOut& to, int channel) const {
    to.running_mean[channel] = mean;
    to.running_var[channel] = var;
  }
};

}  // namespace dcgan::cuda
