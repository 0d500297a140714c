// Statistics of a set of values, and of two sets together.
#pragma once

#include "kernels/common/cuda/launch.h"

namespace dcgan::cuda {

/// Count, mean and sum of squared distances from it.
struct Moments {
  float count;
  float mean;
  float m2;
};

/// Those of two sets together (Chan, Golub and LeVeque 1979).
__device__ __forceinline__ Moments merged(const Moments& a, const Moments& b) {
  if (b.count == 0.0f) return a;
  const float count = a.count + b.count;
  const float fraction = b.count / count;
  const float delta = b.mean - a.mean;
  return {count, a.mean + delta * fraction, a.m2 + b.m2 + delta * delta * a.count * fraction};
}

}  // namespace dcgan::cuda
