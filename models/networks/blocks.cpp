#include "models/networks/blocks.h"

#include <fmt/format.h>

namespace dcgan {
namespace {

constexpr ActivationSpec kRelu{Activation::relu, 0.0f};
constexpr ActivationSpec kLeakyRelu{Activation::leaky_relu, 0.2f};
constexpr ActivationSpec kTanh{Activation::tanh, 0.0f};
constexpr ActivationSpec kNone{Activation::none, 0.0f};

ConvSpec transposed(std::int64_t in, std::int64_t out, int kernel, int stride, int padding) {
  return {ConvType::transposed, in, out, kernel, stride, padding};
}
ConvSpec convolution(std::int64_t in, std::int64_t out, int kernel, int stride, int padding) {
  return {ConvType::convolution, in, out, kernel, stride, padding};
}

// Names of an nn.Sequential: convolution, norm and activation are numbered as they come.
class SequentialNames {
 public:
  explicit SequentialNames(std::string prefix) : prefix_(std::move(prefix)) {}
  void name(BlockSpec& block) {
    block.conv_name = next();
    if (block.norm == Norm::batch) block.norm_name = next();
    block.activation_name = next();  // the last one of D is the sigmoid
  }

 private:
  std::string next() { return fmt::format("{}{}", prefix_, index_++); }
  std::string prefix_;
  int index_ = 0;
};

std::vector<BlockSpec> named(std::vector<BlockSpec> blocks, const std::string& prefix) {
  SequentialNames names(prefix);
  for (BlockSpec& block : blocks) names.name(block);
  return blocks;
}

std::vector<BlockSpec> dcgan_generator(const ModelConfig& model) {
  // Widths double from ngf at the largest hidden image down to the 4x4 stem.
  std::int64_t width = model.ngf * model.image_size / 8;
  std::vector<BlockSpec> blocks;
  blocks.push_back({transposed(model.nz, width, 4, 1, 0), Norm::batch, kRelu, {}, {}, {}});
  for (; width > model.ngf; width /= 2) {
    blocks.push_back({transposed(width, width / 2, 4, 2, 1), Norm::batch, kRelu, {}, {}, {}});
  }
  blocks.push_back({transposed(width, model.channels, 4, 2, 1), Norm::none, kTanh, {}, {}, {}});
  return named(std::move(blocks), "main.");
}

std::vector<BlockSpec> dcgan_discriminator(const ModelConfig& model) {
  std::int64_t width = model.ndf;
  std::vector<BlockSpec> blocks;
  blocks.push_back(
      {convolution(model.channels, width, 4, 2, 1), Norm::none, kLeakyRelu, {}, {}, {}});
  for (std::int64_t size = model.image_size / 2; size > 4; size /= 2, width *= 2) {
    blocks.push_back({convolution(width, 2 * width, 4, 2, 1), Norm::batch, kLeakyRelu, {}, {}, {}});
  }
  blocks.push_back({convolution(width, 1, 4, 1, 0), Norm::none, kNone, {}, {}, {}});
  return named(std::move(blocks), "main.");
}

std::vector<BlockSpec> libtorch_generator(const ModelConfig& model) {
  const std::int64_t ngf = model.ngf;
  return {
      {transposed(model.nz, 4 * ngf, 4, 1, 0), Norm::batch, kRelu, "conv1", "batch_norm1", "relu1"},
      {transposed(4 * ngf, 2 * ngf, 3, 2, 1), Norm::batch, kRelu, "conv2", "batch_norm2", "relu2"},
      {transposed(2 * ngf, ngf, 4, 2, 1), Norm::batch, kRelu, "conv3", "batch_norm3", "relu3"},
      {transposed(ngf, model.channels, 4, 2, 1), Norm::none, kTanh, "conv4", "", "tanh"},
  };
}

std::vector<BlockSpec> libtorch_discriminator(const ModelConfig& model) {
  const std::int64_t ndf = model.ndf;
  std::vector<BlockSpec> blocks = {
      {convolution(model.channels, ndf, 4, 2, 1), Norm::none, kLeakyRelu, {}, {}, {}},
      {convolution(ndf, 2 * ndf, 4, 2, 1), Norm::batch, kLeakyRelu, {}, {}, {}},
      {convolution(2 * ndf, 4 * ndf, 4, 2, 1), Norm::batch, kLeakyRelu, {}, {}, {}},
      {convolution(4 * ndf, 1, 3, 1, 0), Norm::none, kNone, {}, {}, {}},
  };
  return named(std::move(blocks), "");
}

}  // namespace

std::vector<BlockSpec> generator_blocks(const ModelConfig& model) {
  require_valid(model);
  return model.family == NetworkFamily::libtorch ? libtorch_generator(model)
                                                 : dcgan_generator(model);
}

std::vector<BlockSpec> discriminator_blocks(const ModelConfig& model) {
  require_valid(model);
  return model.family == NetworkFamily::libtorch ? libtorch_discriminator(model)
                                                 : dcgan_discriminator(model);
}

std::vector<Shape> block_output_shapes(const std::vector<BlockSpec>& blocks, const Shape& input) {
  std::vector<Shape> shapes;
  Shape shape = input;
  for (const BlockSpec& block : blocks) {
    shape = block.conv.output_shape(shape);
    shapes.push_back(shape);
  }
  return shapes;
}

std::int64_t parameter_count(const std::vector<BlockSpec>& blocks) {
  std::int64_t count = 0;
  for (const BlockSpec& block : blocks) {
    count += block.conv.weight_shape().elements();
    if (block.norm == Norm::batch) count += 2 * block.conv.out_channels;
  }
  return count;
}

}  // namespace dcgan
