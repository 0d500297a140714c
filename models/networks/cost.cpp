#include "models/networks/cost.h"

#include <numeric>

namespace dcgan {

std::vector<std::int64_t> forward_macs(const std::vector<BlockSpec>& blocks, const Shape& input) {
  std::vector<std::int64_t> macs;
  Shape shape = input;
  for (const BlockSpec& block : blocks) {
    macs.push_back(block.conv.multiply_accumulates(shape));
    shape = block.conv.output_shape(shape);
  }
  return macs;
}

double step_flops_per_image(const std::vector<BlockSpec>& generator,
                            const std::vector<BlockSpec>& discriminator) {
  const Shape latent{1, 1, 1, generator.front().conv.in_channels};
  const Shape image = block_output_shapes(generator, latent).back();
  const auto sum = [](const std::vector<std::int64_t>& macs) {
    return static_cast<double>(std::accumulate(macs.begin(), macs.end(), std::int64_t{0}));
  };
  const std::vector<std::int64_t> g = forward_macs(generator, latent);
  const std::vector<std::int64_t> d = forward_macs(discriminator, image);
  const double first_g = static_cast<double>(g.front());
  const double first_d = static_cast<double>(d.front());
  const double on_both = 2 * (3 * sum(d) - first_d);
  const double on_fake = 2 * sum(d);
  const double generating = 3 * sum(g) - first_g;
  return 2 * (on_both + on_fake + generating);
}

namespace {

enum class Gradients { data_and_weights, data_only };
enum class InputGradient { wanted, not_wanted };

// One pass of one network over one image, forward and backward.
double pass_elements(const std::vector<BlockSpec>& blocks, const Shape& input, Gradients gradients,
                     InputGradient input_gradient, BytesPlan plan) {
  const std::vector<Shape> outputs = block_output_shapes(blocks, input);
  const bool fused = plan == BytesPlan::fused;
  double elements = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto x = static_cast<double>((i == 0 ? input : outputs[i - 1]).elements());
    const auto y = static_cast<double>(outputs[i].elements());
    const bool normed = blocks[i].norm == Norm::batch;
    const double through_norm = fused && normed ? y : 0;  // the prologue reads the stored output
    elements += x + y;
    if (gradients == Gradients::data_and_weights) elements += x + y + through_norm;
    if (i > 0 || input_gradient == InputGradient::wanted) {
      elements += y + through_norm + x + (fused ? x : 0);
    }
    if (!fused && normed) elements += 8 * y;
    if (!fused && !normed && blocks[i].activation.kind != Activation::none) elements += y;
  }
  return elements;
}

}  // namespace

double step_elements_per_image(const std::vector<BlockSpec>& generator,
                               const std::vector<BlockSpec>& discriminator, BytesPlan plan) {
  const Shape latent{1, 1, 1, generator.front().conv.in_channels};
  const Shape image = block_output_shapes(generator, latent).back();
  using enum Gradients;
  using enum InputGradient;
  return 2 * pass_elements(discriminator, image, data_and_weights, not_wanted, plan) +
         pass_elements(discriminator, image, data_only, wanted, plan) +
         pass_elements(generator, latent, data_and_weights, not_wanted, plan);
}

}  // namespace dcgan
