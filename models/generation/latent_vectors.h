// Latent vectors on the host, by key: what `dcgan sample`, `dcgan interpolate` and a run's sample
// grids start from.
#pragma once

#include "kernels/input/latent.h"
#include "runtime/base/host_tensor.h"

namespace dcgan {

/// (count, nz) f32: row i is a function of (key, i) alone, whatever `count`. The same bits as
/// Generator::draw() on any device.
HostTensor latent_for_seed(RandomKey key, std::int64_t count, std::int64_t nz,
                           LatentDistribution distribution = LatentDistribution::normal);

}  // namespace dcgan
