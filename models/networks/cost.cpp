#include "models/networks/cost.h"

#include <algorithm>
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

/// One convolution of a pass, with what rides in it or comes with it.
struct ConvolutionCost {
  double flops = 0;           // of one image
  double elements = 0;        // of activations, one image
  double weights_read = 0;    // elements, whatever the batch
  double gradient_bytes = 0;  // of weights, written in float32, whatever the batch
};

// One pass of one network over one image, forward and backward.
std::vector<ConvolutionCost> pass_costs(const std::vector<BlockSpec>& blocks, const Shape& input,
                                        Gradients gradients, InputGradient input_gradient,
                                        BytesPlan plan) {
  const std::vector<Shape> outputs = block_output_shapes(blocks, input);
  const std::vector<std::int64_t> macs = forward_macs(blocks, input);
  const bool fused = plan == BytesPlan::fused;
  std::vector<ConvolutionCost> costs;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto x = static_cast<double>((i == 0 ? input : outputs[i - 1]).elements());
    const auto y = static_cast<double>(outputs[i].elements());
    const auto weights = static_cast<double>(blocks[i].conv.weight_shape().elements());
    const double flops = 2.0 * static_cast<double>(macs[i]);
    const bool normed = blocks[i].norm == Norm::batch;
    const double through_norm = fused && normed ? y : 0;  // the prologue reads the stored output
    double apart = 0;                                     // in passes of their own
    if (!fused && normed) apart = 8 * y;
    if (!fused && !normed && blocks[i].activation.kind != Activation::none) apart = y;
    costs.push_back({flops, x + y + apart, weights, 0});
    if (gradients == Gradients::data_and_weights) {
      costs.push_back({flops, x + y + through_norm, 0, sizeof(float) * weights});
    }
    if (i > 0 || input_gradient == InputGradient::wanted) {
      costs.push_back({flops, y + through_norm + x + (fused ? x : 0), weights, 0});
    }
  }
  return costs;
}

/// Every convolution of a step, per image (one real and one generated).
std::vector<ConvolutionCost> step_costs(const std::vector<BlockSpec>& generator,
                                        const std::vector<BlockSpec>& discriminator,
                                        BytesPlan plan) {
  const Shape latent{1, 1, 1, generator.front().conv.in_channels};
  const Shape image = block_output_shapes(generator, latent).back();
  using enum Gradients;
  using enum InputGradient;
  std::vector<ConvolutionCost> costs =
      pass_costs(discriminator, image, data_and_weights, not_wanted, plan);
  for (ConvolutionCost& both : costs) {  // real and generated in one call
    both.flops *= 2;
    both.elements *= 2;
  }
  for (const auto& pass : {pass_costs(discriminator, image, data_only, wanted, plan),
                           pass_costs(generator, latent, data_and_weights, not_wanted, plan)}) {
    costs.insert(costs.end(), pass.begin(), pass.end());
  }
  return costs;
}

double weight_count(const std::vector<BlockSpec>& blocks) {
  double count = 0;
  for (const BlockSpec& block : blocks) {
    count += static_cast<double>(block.conv.weight_shape().elements());
  }
  return count;
}

}  // namespace

double step_elements_per_image(const std::vector<BlockSpec>& generator,
                               const std::vector<BlockSpec>& discriminator, BytesPlan plan) {
  double elements = 0;
  for (const ConvolutionCost& cost : step_costs(generator, discriminator, plan)) {
    elements += cost.elements;
  }
  return elements;
}

double fused_step_seconds(const std::vector<BlockSpec>& generator,
                          const std::vector<BlockSpec>& discriminator, std::int64_t batch,
                          DType dtype, double flops_per_second, double bytes_per_second) {
  const auto images = static_cast<double>(batch);
  const auto element_bytes = static_cast<double>(size_of(dtype));
  // Adam reads and writes three arrays and reads the gradient; with a copy of the weights in the
  // type of the convolutions where that is another.
  const double adam_bytes = 7 * sizeof(float) + (dtype == DType::f32 ? 0 : element_bytes);
  double weight_bytes = adam_bytes * (weight_count(generator) + weight_count(discriminator));
  double seconds = 0;
  for (const ConvolutionCost& cost : step_costs(generator, discriminator, BytesPlan::fused)) {
    seconds += images * std::max(cost.flops / flops_per_second,
                                 cost.elements * element_bytes / bytes_per_second);
    weight_bytes += cost.weights_read * element_bytes + cost.gradient_bytes;
  }
  return seconds + weight_bytes / bytes_per_second;
}

}  // namespace dcgan
