#include "models/generation/generator.h"

#include "models/generation/interpolation.h"
#include "tests/models/support.h"

using namespace dcgan;

namespace {

// A generator whose running statistics are not the initial ones, so that they matter.
void prepare(const Context& context, Network& network) {
  network.parameters().initialize(context, {3, RandomStream::generator_init});
  for (const RunningInfo& info : network.parameters().running_infos()) {
    const TensorView mean = network.parameters().running(info.mean);
    std::vector<float> values(static_cast<std::size_t>(mean.elements()), 0.01f);
    upload(context, ConstTensorView(values.data(), mean.shape), mean);
    std::fill(values.begin(), values.end(), 0.003f);
    upload(context, ConstTensorView(values.data(), mean.shape),
           network.parameters().running(info.var));
  }
}

std::vector<std::uint8_t> pixels(const HostTensor& images, std::int64_t row) {
  const ConstTensorView view = images.view().rows(row, 1);
  return {view.as<std::uint8_t>(), view.as<std::uint8_t>() + view.elements()};
}

}  // namespace

TEST_CASE("the same z gives the same image whatever the batch") {
  const auto blocks = generator_blocks(model_config(test::tiny_options()));
  for (const Device device : test::devices_under_test()) {
    const Context context(device);
    const HostTensor z = draw_host_latent({5, RandomStream::sample}, 11, 6);
    Generator eleven(context, blocks, 11);
    prepare(context, eleven.network());
    const HostTensor together = eleven.sample(context, z);
    for (const std::int64_t batch : {1, 3, 4}) {
      Generator sampler(context, blocks, batch);
      prepare(context, sampler.network());
      const HostTensor images = sampler.sample(context, z);
      for (std::int64_t row = 0; row < 11; ++row) {
        INFO(to_string(device) << " batch " << batch << " row " << row);
        CHECK(pixels(images, row) == pixels(together, row));
      }
    }
    CHECK(pixels(together, 0) != pixels(together, 1));
  }
}

TEST_CASE("row i of a seed's latent vectors does not depend on how many are drawn") {
  const HostTensor few = draw_host_latent({9, RandomStream::sample}, 2, 7);
  const HostTensor many = draw_host_latent({9, RandomStream::sample}, 50, 7);
  CHECK(std::equal(few.view().as<float>(), few.view().as<float>() + 14, many.view().as<float>()));
}

TEST_CASE("latent vectors of another length are refused with both lengths") {
  const Context context(Device{});
  Generator sampler(context, generator_blocks(model_config(test::tiny_options())), 2);
  CHECK_THROWS_WITH(sampler.sample(context, HostTensor({3, 9}, DType::f32)),
                    Contains("[3, 9]") && Contains("[n, 6]"));
}

TEST_CASE("a spherical walk passes through its ends and keeps their length") {
  HostTensor ends = HostTensor::from<float>({3, 0, 0, 0, 3, 0, 0, 0, 3}, {3, 3});
  const HostTensor walk = spherical_interpolation(ends, 4);
  REQUIRE(walk.shape() == Shape{12, 3});
  const float* point = walk.view().as<float>();
  for (int i = 0; i < 12; ++i, point += 3) {
    const double length =
        std::sqrt(point[0] * point[0] + point[1] * point[1] + point[2] * point[2]);
    CHECK(length == Approx(3.0).epsilon(1e-6));  // a few roundings of float
  }
  const float* middle = walk.view().as<float>() + 2 * 3;  // half-way from x to y
  CHECK(middle[0] == Approx(middle[1]));
  CHECK(walk.view().as<float>()[4 * 3 + 1] == Approx(3.0));
}
