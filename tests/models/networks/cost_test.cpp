// What a step costs by plan, stored for every preset: the roofline that `dcgan info` and the
// benchmarks measure against must not move unseen.
#include "models/networks/cost.h"

#include <iterator>

#include "models/networks/blocks.h"
#include "tests/support/catch.h"

using namespace dcgan;

TEST_CASE("the plan of a step costs what this table says, for every preset") {
  struct Expected {
    const char* preset;
    double gflop;      // an image
    double fused_mb;   // an image, in bf16
    double engine_mb;  // an image, in bf16
  };
  const Expected table[] = {{"pytorch", 2.275, 7.41, 10.49},
                            {"libtorch", 0.250, 1.25, 1.76},
                            {"mnist32", 0.376, 1.67, 2.36},
                            {"cifar32", 0.385, 1.71, 2.40},
                            {"paper", 8.978, 14.57, 20.73}};
  CHECK(std::size(table) == presets().size());
  for (const Expected& expected : table) {
    const ModelConfig& model = preset_named(expected.preset).model;
    const auto generator = generator_blocks(model);
    const auto discriminator = discriminator_blocks(model);
    const auto megabytes = [&](BytesPlan plan) {
      return 2e-6 * step_elements_per_image(generator, discriminator, plan);
    };
    INFO(expected.preset);
    CHECK(1e-9 * step_flops_per_image(generator, discriminator) ==
          Approx(expected.gflop).epsilon(0.002));
    CHECK(megabytes(BytesPlan::fused) == Approx(expected.fused_mb).epsilon(0.01));
    CHECK(megabytes(BytesPlan::engine) == Approx(expected.engine_mb).epsilon(0.01));
  }
}
