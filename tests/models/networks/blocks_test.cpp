#include "models/networks/blocks.h"

#include "models/networks/cost.h"
#include "tests/support/catch.h"

using namespace dcgan;

namespace {
ModelConfig preset(const char* name) { return preset_named(name).model; }
}  // namespace

TEST_CASE("the pytorch preset has the parameter counts of pytorch/examples/dcgan") {
  CHECK(parameter_count(generator_blocks(preset("pytorch"))) == 3'576'704);
  CHECK(parameter_count(discriminator_blocks(preset("pytorch"))) == 2'765'568);
}

TEST_CASE("the paper preset has the paper's widths") {
  std::vector<std::int64_t> widths;
  for (const BlockSpec& block : generator_blocks(preset("paper"))) {
    widths.push_back(block.conv.out_channels);
  }
  CHECK(widths == std::vector<std::int64_t>{1024, 512, 256, 128, 3});
  widths.clear();
  for (const BlockSpec& block : discriminator_blocks(preset("paper"))) {
    widths.push_back(block.conv.out_channels);
  }
  CHECK(widths == std::vector<std::int64_t>{128, 256, 512, 1024, 1});
}

TEST_CASE("parameters bear PyTorch's names") {
  const auto generator = generator_blocks(preset("pytorch"));
  CHECK(generator[1].conv_name == "main.3");
  CHECK(generator[1].norm_name == "main.4");
  CHECK(generator[4].conv_name == "main.12");
  CHECK(generator[4].activation_name == "main.13");
  const auto discriminator = discriminator_blocks(preset("pytorch"));
  CHECK(discriminator[0].conv_name == "main.0");
  CHECK(discriminator[1].conv_name == "main.2");
  CHECK(discriminator[3].norm_name == "main.9");
  CHECK(discriminator[4].conv_name == "main.11");
  CHECK(generator_blocks(preset("libtorch"))[2].norm_name == "batch_norm3");
  CHECK(discriminator_blocks(preset("libtorch"))[2].norm_name == "6");
}

TEST_CASE("every size from 32 to 256 and both channel counts make images and one logit") {
  for (const std::int64_t size : {32, 64, 128, 256}) {
    for (const std::int64_t channels : {1, 3}) {
      const ModelConfig model{NetworkFamily::dcgan, size, channels, 7, 2, 3};
      const Shape image = block_output_shapes(generator_blocks(model), {2, 1, 1, 7}).back();
      CHECK(image == Shape{2, size, size, channels});
      CHECK(block_output_shapes(discriminator_blocks(model), image).back() == Shape{2, 1, 1, 1});
    }
  }
  const ModelConfig libtorch{NetworkFamily::libtorch, 28, 1, 7, 2, 3};
  const Shape image = block_output_shapes(generator_blocks(libtorch), {2, 1, 1, 7}).back();
  CHECK(image == Shape{2, 28, 28, 1});
  CHECK(block_output_shapes(discriminator_blocks(libtorch), image).back() == Shape{2, 1, 1, 1});
}

TEST_CASE("sizes that no family makes are refused with the figure") {
  for (const std::int64_t size : {0, 16, 48, 100, 512}) {
    CHECK_THROWS_WITH(require_valid({NetworkFamily::dcgan, size, 3, 100, 64, 64}),
                      Contains(std::to_string(size)));
  }
  CHECK_THROWS_WITH(require_valid({NetworkFamily::dcgan, 64, 2, 100, 64, 64}), Contains("2"));
  CHECK_THROWS_WITH(require_valid({NetworkFamily::libtorch, 32, 1, 100, 64, 64}), Contains("28"));
  CHECK_THROWS_WITH(preset_named("nothing"), Contains("libtorch"));
}

TEST_CASE("the step of the pytorch preset costs 2.275 GFLOP an image") {
  const ModelConfig model = preset("pytorch");
  const double flops = step_flops_per_image(generator_blocks(model), discriminator_blocks(model));
  CHECK(flops * 1e-9 == Approx(2.275).epsilon(0.0005));
}

TEST_CASE("the fully fused step of the pytorch preset moves 7.41 MB an image in bf16") {
  const ModelConfig model = preset("pytorch");
  const auto generator = generator_blocks(model);
  const auto discriminator = discriminator_blocks(model);
  const double fused = 2 * step_elements_per_image(generator, discriminator, BytesPlan::fused);
  CHECK(fused * 1e-6 == Approx(7.41).epsilon(0.001));
  CHECK(2 * step_elements_per_image(generator, discriminator, BytesPlan::engine) > fused);
}

TEST_CASE("the fully fused step of the pytorch preset takes at least 266 us at batch 64") {
  const ModelConfig model = preset("pytorch");
  const auto generator = generator_blocks(model);
  const auto discriminator = discriminator_blocks(model);
  const auto images_per_second = [&](std::int64_t batch, double flops, double bytes) {
    return static_cast<double>(batch) /
           fused_step_seconds(generator, discriminator, batch, DType::bf16, flops, bytes);
  };
  // An H200 as measured: 790 TFLOP/s in bf16, 4.3 TB/s. Counts by hand gave 228k, 256k and 288k;
  // this one takes less for the layers that are bound by memory, and is 5 % stricter.
  for (const auto& [batch, by_hand] : {std::pair{64, 228e3}, {128, 256e3}, {1024, 288e3}}) {
    CHECK(images_per_second(batch, 790e12, 4.3e12) == Approx(1.05 * by_hand).epsilon(0.01));
  }
  // Without memory to wait for: the arithmetic of 2.275 GFLOP an image.
  CHECK(images_per_second(64, 790e12, 1e30) == Approx(790e12 / 2.275e9).epsilon(0.001));
  // Without arithmetic: 7.41 MB an image, and what the weights take.
  CHECK(images_per_second(1 << 20, 1e30, 4.3e12) == Approx(4.3e12 / 7.41e6).epsilon(0.002));
}
