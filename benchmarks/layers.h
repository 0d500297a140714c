// The layers of the two networks of a training step: names, shapes, and how often they are
// computed.
#pragma once

#include <string>
#include <vector>

#include "kernels/conv/underlying.h"
#include "models/networks/blocks.h"

namespace dcgan::benchmarks {

struct Layer {
  std::string name;  ///< pass and PyTorch's module: "G main.3", "D both main.2"
  BlockSpec block;
  ConvClass kind = ConvClass::wide;
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
