// Walks through the latent space.
#pragma once

#include "runtime/base/host_tensor.h"

namespace dcgan {

/// Spherical interpolation through the rows of `ends` (K, nz), K >= 2, and back to the first:
/// (K * frames, nz), `frames` per leg, the first of each leg being the end itself. Gaussian vectors
/// of many dimensions lie near a sphere, which a straight line would leave (White 2016).
HostTensor spherical_interpolation(const HostTensor& ends, std::int64_t frames);

}  // namespace dcgan
