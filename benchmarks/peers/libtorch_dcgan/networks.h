// The DCGAN networks in PyTorch's C++ library. Each takes and gives (N, C, H, W); the discriminator
// ends at the logits, (N).
#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace peer {

struct NetworkOptions {
  std::int64_t image_size = 28;
  std::int64_t channels = 1;
  std::int64_t nz = 100;
  std::int64_t ngf = 64;
  std::int64_t ndf = 64;
};

/// 28 pixels: the layers of the libtorch tutorial; a power of two from 16 to 512: those of
/// pytorch/examples dcgan. Throws std::invalid_argument for another size.
torch::nn::Sequential make_generator(const NetworkOptions& options);
torch::nn::Sequential make_discriminator(const NetworkOptions& options);

/// N(0, 0.02) for convolutions, N(1, 0.02) and 0 for batch norm.
void initialise(torch::nn::Module& network);

}  // namespace peer
