#include "models/generation/latent_vectors.h"

namespace dcgan {

HostTensor latent_for_seed(RandomKey key, std::int64_t count, std::int64_t nz,
                           LatentDistribution distribution) {
  const Context host(Device{DeviceType::cpu, 0});
  HostTensor z({count, nz}, DType::f32);
  const std::int64_t step = 0;
  draw_latent(host, ConstTensorView(&step, {1}), z.view(), {key, distribution, 0});
  return z;
}

}  // namespace dcgan
