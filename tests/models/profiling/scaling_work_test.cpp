#include "models/profiling/scaling_work.h"

#include <numeric>

#include "models/networks/cost.h"
#include "tests/models/support.h"

using namespace dcgan;

namespace {

// The network of pytorch/examples at 64 px, in buckets of at least 4 MB.
TrainingConfig example_config() {
  RunOptions options;
  options.preset = "pytorch";
  options.bucket_mb = 4;
  return run_config(options).training;
}

double bytes_of(const ReducedPass& pass) {
  return std::accumulate(pass.buckets.begin(), pass.buckets.end(), 0.0,
                         [](double sum, const GradientTransfer& one) { return sum + one.bytes; });
}

}  // namespace

TEST_CASE("what travels are the gradients of both networks, in the order of backward") {
  const ScalingWork work = scaling_work(example_config(), true);
  CHECK(bytes_of(work.generator) == 4 * 3576704);
  CHECK(bytes_of(work.discriminator) == 4 * 2765568);
  // D: the last two blocks, then the first three. G: all but the stem, then the stem.
  REQUIRE(work.discriminator.buckets.size() == 2);
  CHECK(work.discriminator.buckets[0].bytes == 4 * (8192 + 2097152 + 2 * 512));
  // Of 2 * 103.8 - 3.15 M multiply-accumulates of a pass, twice 33.55 + 0.008 M come first.
  CHECK(work.discriminator.buckets[0].ready == Approx(0.3283).epsilon(1e-3));
  REQUIRE(work.generator.buckets.size() == 2);
  CHECK(work.generator.buckets[1].bytes == 4 * (819200 + 2 * 512));
  CHECK(work.generator.buckets[0].ready == Approx(0.9961).epsilon(1e-3));
  CHECK(work.discriminator.buckets[1].ready == 1);
  CHECK(work.generator.buckets[1].ready == 1);
  CHECK((work.overlaps && work.norms.empty()));
  CHECK(!scaling_work(example_config(), false).overlaps);
}

TEST_CASE("shares are those of the FLOPs of a step") {
  TrainingConfig config = example_config();
  const auto generator = generator_blocks(config.model);
  const auto discriminator = discriminator_blocks(config.model);
  const double all = step_flops_per_image(generator, discriminator) / 2;
  const auto macs = forward_macs(discriminator, {1, 64, 64, 3});
  const double forward = std::accumulate(macs.begin(), macs.end(), 0.0);
  const double backward = 2 * (2 * forward - static_cast<double>(macs.front()));
  const ScalingWork work = scaling_work(config, true);
  CHECK(work.discriminator.share == Approx(backward / all));
  CHECK(work.result_share == Approx(forward / all));
  const ScalingWork often = [&] {
    config.discriminator_steps = 5;
    return scaling_work(config, true);
  }();
  CHECK(often.discriminator.times == 5);
  CHECK(often.discriminator.share < work.discriminator.share);
  CHECK(often.generator.share < work.generator.share);
}

TEST_CASE("bf16 halves the bytes, and larger buckets are fewer") {
  TrainingConfig config = example_config();
  config.ranks.gradient_dtype = DType::bf16;
  config.ranks.bucket_bytes = std::int64_t{1} << 30;
  const ScalingWork work = scaling_work(config, true);
  CHECK(bytes_of(work.generator) == 2 * 3576704);
  CHECK(work.generator.buckets.size() == 1);
  CHECK(work.discriminator.buckets.size() == 1);
}

TEST_CASE("batch norm over all ranks adds two reductions for each norm of each pass") {
  TrainingConfig config = example_config();
  config.ranks.norm_statistics = NormStatistics::exchanged;
  const ScalingWork work = scaling_work(config, true);
  // G has four norms, D three in each of its two passes.
  int times = 0;
  for (const BlockingTransfer& norm : work.norms) times += norm.times;
  CHECK(times == 2 * (4 + 3 + 3));
  CHECK(!work.overlaps);
  // G's first: statistics of 512 channels, one group: origin, and for each rank mean, m2, count.
  CHECK(work.norms[0].bytes == 4 * 512);
  CHECK(work.norms[0].bytes_per_gpu == 4 * (2 * 512 + 1));
  CHECK(work.norms[1].bytes == 4 * 2 * 512);
  CHECK(work.norms[1].bytes_per_gpu == 0);
  config.discriminator_steps = 2;
  times = 0;
  for (const BlockingTransfer& norm : scaling_work(config, true).norms) times += norm.times;
  CHECK(times == 2 * 4 + 4 + 2 * 2 * 3 + 2 * 3);
}
