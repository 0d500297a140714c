#include "benchmarks/layers.h"

#include <algorithm>

namespace dcgan::benchmarks {
namespace {

std::vector<Layer> layers_of(const std::string& pass, const std::vector<BlockSpec>& blocks,
                             Shape input) {
  std::vector<Layer> layers;
  for (const BlockSpec& block : blocks) {
    Layer& layer = layers.emplace_back();
    layer.name = pass + " " + block.conv_name;
    layer.block = block;
    layer.input = input;
    layer.output = block.conv.output_shape(input);
    ConvConfig config;
    config.spec = block.conv;
    config.input = input;
    layer.kind = class_of(underlying_of(config));
    input = layer.output;
  }
  return layers;
}

}  // namespace

std::vector<Layer> step_layers(const ModelConfig& model, std::int64_t batch) {
  std::vector<Layer> layers = layers_of("G", generator_blocks(model), {batch, 1, 1, model.nz});
  layers.front().data_gradient = 0;  // of the latent vector
  const Shape image = layers.back().output;
  const std::vector<BlockSpec> discriminator = discriminator_blocks(model);
  std::vector<Layer> both = layers_of("D both", discriminator, image.with_rows(2 * batch));
  both.front().data_gradient = 0;  // of the images
  for (Layer& layer : both) layer.norm_groups = 2;
  std::vector<Layer> fake = layers_of("D fake", discriminator, image);
  for (Layer& layer : fake) layer.weight_gradient = 0;
  layers.insert(layers.end(), both.begin(), both.end());
  layers.insert(layers.end(), fake.begin(), fake.end());
  return layers;
}

Layer reduced(const Layer& layer) {
  constexpr std::int64_t kMostPixels = 8;
  constexpr std::int64_t kMostChannels = 16;
  Layer small = layer;
  ConvSpec& spec = small.block.conv;
  spec.in_channels = std::min(spec.in_channels, kMostChannels);
  spec.out_channels = std::min(spec.out_channels, kMostChannels);
  small.input = {2 * layer.norm_groups, std::min(layer.input[1], kMostPixels),
                 std::min(layer.input[2], kMostPixels), spec.in_channels};
  small.output = spec.output_shape(small.input);
  return small;
}

}  // namespace dcgan::benchmarks
