// The layers of the two networks as a training step meets them: names, shapes, and how often.
#pragma once

#include <string>
#include <vector>

#include "models/networks/blocks.h"

namespace dcgan::benchmarks {

/// Which family of code computes a layer's convolution.
enum class LayerKind {
  library,  ///< between feature maps
  dense,    ///< one place of the kernel covers the image: the generator's stem, the other's head
  image,    ///< one side is an image of 1 to 4 channels
};

struct Layer {
  std::string name;  ///< pass and PyTorch's module: "G main.3", "D both main.2"
  BlockSpec block;
  LayerKind kind = LayerKind::library;
  Shape input;   ///< (N, H, W, C)
  Shape output;  ///< (N, P, Q, K)
  int norm_groups = 1;
  // How often a step computes them (d-steps 1).
  int forward = 1;
  int data_gradient = 1;
  int weight_gradient = 1;
};

/// Of a step with `batch` real images: G (batch generated images), "D both" (real and generated, in
/// two groups of batch norm), "D fake" (the generator's step, no weight gradients).
std::vector<Layer> step_layers(const ModelConfig& model, std::int64_t batch);

/// The same layer with little work: 2 images a group, at most 8x8 pixels and 16 channels where its
/// geometry leaves a choice.
Layer reduced(const Layer& layer);

}  // namespace dcgan::benchmarks
