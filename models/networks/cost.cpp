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

}  // namespace dcgan
