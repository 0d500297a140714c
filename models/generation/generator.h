// Images from a generator: inference with running statistics, so that the same z gives the same
// image whatever else is in the batch.
#pragma once

#include "kernels/input/latent.h"
#include "models/networks/network.h"
#include "runtime/base/host_tensor.h"

namespace dcgan {

/// Row i is a function of (key, i) alone. Result: (count, nz) f32 on the host.
HostTensor draw_host_latent(RandomKey key, std::int64_t count, std::int64_t nz,
                            LatentDistribution distribution = LatentDistribution::normal);

class Generator {
 public:
  /// A generator of its own, without weights yet, that computes `batch` images at a time.
  Generator(const Context& context, std::vector<BlockSpec> generator_blocks, std::int64_t batch,
            DType dtype = DType::f32);

  Network& network() { return network_; }
  /// Takes the weights (values or ema) and running statistics of a network in training.
  void copy_weights(const Context& context, const Network& trained, ParameterArray array);

  /// z: (n, nz) f32 on the host -> images (n, H, W, C) u8 on the host.
  HostTensor sample(const Context& context, const HostTensor& z);
  /// As sample(), but the values in (-1, 1): (n, H, W, C) f32.
  HostTensor sample_values(const Context& context, const HostTensor& z);

 private:
  template <class Fetch>
  void for_each_batch(const Context& context, const HostTensor& z, const Fetch& fetch);

  Network network_;
  std::int64_t batch_;
  MemoryPlan plan_;
  SlotId latent_;
  SlotId pixels_;
  SlotId values_;
  Activations activations_;
  Arena arena_;
};

}  // namespace dcgan
