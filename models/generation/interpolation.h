// Interpolation between latent vectors.
#pragma once

#include "runtime/base/host_tensor.h"

namespace dcgan {

/// Spherical interpolation through the rows of `points` (K, nz) f32, K >= 2, and back to the first:
/// (K * frames, nz), `frames` vectors for each pair of neighbours, the first of them being the
/// point itself. Gaussian vectors of many dimensions lie near a sphere, which a straight line would
/// leave (White 2016, "Sampling generative networks").
HostTensor spherical_interpolation(const HostTensor& points, std::int64_t frames);

}  // namespace dcgan
