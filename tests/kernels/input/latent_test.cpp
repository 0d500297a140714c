#include "tests/cases/latent.h"
#include "tests/kernels/support.h"

namespace dcgan::test {
namespace {

constexpr RandomKey kKey = kLatentKey;

GuardedTensor draw(const Context& context, Shape shape, DType dtype, std::int64_t step,
                   const LatentOptions& options) {
  const GuardedTensor step_on(context, Values({1}, {static_cast<double>(step)}), DType::i64);
  GuardedTensor z(context, shape, dtype);
  draw_latent(context, step_on.view(), z.view(), options);
  context.synchronize();
  CHECK(z.guards_intact());
  CHECK(step_on.read()[0] == static_cast<double>(step));
  return z;
}

}  // namespace

TEST_CASE("latent vectors equal the contract's numbers, bit for bit, on every device") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (const LatentCase& one : latent_cases()) {
        check_latent(context, one, dtype,
                     assertions(to_string(one) + ", " + std::string(name_of(dtype)) + ", " +
                                to_string(device)));
      }
    }
  }
}

TEST_CASE("latent vectors do not depend on how rows are split among ranks") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    const Values whole = draw(context, {8, 100}, DType::f32, 3, {kKey}).read();
    for (std::uint32_t rank = 0; rank < 4; ++rank) {
      const LatentOptions options{kKey, LatentDistribution::normal, rank * 2};
      const Values part = draw(context, {2, 100}, DType::f32, 3, options).read();
      CHECK(std::equal(part.v.begin(), part.v.end(), whole.v.begin() + rank * 200));
    }
  }
}

TEST_CASE("latent vectors differ between steps, seeds and uses") {
  const Context context(Device{});
  const auto first = draw(context, {1, 4}, DType::f32, 0, {kKey}).raw();
  CHECK(first != draw(context, {1, 4}, DType::f32, 1, {kKey}).raw());
  CHECK(first != draw(context, {1, 4}, DType::f32, 0, {{kKey.seed + 1, kKey.stream}}).raw());
  CHECK(first !=
        draw(context, {1, 4}, DType::f32, 0, {{kKey.seed, RandomStream::fixed_latent}}).raw());
}

TEST_CASE("latent vectors have the moments of their distribution") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const auto distribution : {LatentDistribution::normal, LatentDistribution::uniform}) {
      const Values z = draw(context, {500, 100}, DType::f32, 0, {kKey, distribution}).read();
      double mean = 0, square = 0;
      for (const double value : z.v) {
        mean += value / 50'000;
        square += value * value / 50'000;
      }
      const double variance = distribution == LatentDistribution::normal ? 1.0 : 1.0 / 3;
      // Five standard errors: sqrt(1 / 50000) = 0.0045 for the mean, sqrt(2 / 50000) = 0.0063.
      CHECK(std::fabs(mean) < 0.023);
      CHECK(square == Approx(variance).margin(0.032));
    }
  }
}

TEST_CASE("latent drawing says what does not fit") {
  const Context context(Device{});
  CHECK_THAT(thrown_by([&] {
               draw(context, {4, 1, 1}, DType::f32, 0, {kKey});
             }).message,
             Contains("[4, 1, 1]"));
  const LatentOptions last{kKey, LatentDistribution::normal, 0xfffffffeu};
  CHECK_THAT(thrown_by([&] {
               draw(context, {3, 4}, DType::f32, 0, last);
             }).message,
             Contains("do not fit in 32 bits"));
  CHECK(draw(context, {2, 4}, DType::f32, 0, last).guards_intact());
}

}  // namespace dcgan::test
