#include "kernels/input/latent.h"

#include "tests/kernels/support.h"

namespace dcgan::test {
namespace {

constexpr RandomKey kKey{0x123456789abcdefull, RandomStream::latent};

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

/// Element by element from the contract.
float element(const LatentOptions& options, std::int64_t step, std::int64_t row, std::int64_t i) {
  const RandomWords words = random_words(options.key, static_cast<std::uint64_t>(step),
                                         options.first_sample + static_cast<std::uint32_t>(row),
                                         static_cast<std::uint32_t>(i / 4));
  if (options.distribution == LatentDistribution::uniform) {
    return 2.0f * uniform_from(words.word[i % 4]) - 1.0f;
  }
  const std::int64_t pair = i % 4 / 2 * 2;
  const NormalPair numbers = normal_pair_from(words.word[pair], words.word[pair + 1]);
  return i % 2 == 0 ? numbers.first : numbers.second;
}

}  // namespace

TEST_CASE("latent vectors equal the contract's numbers, bit for bit, on every device") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const auto distribution : {LatentDistribution::normal, LatentDistribution::uniform}) {
      for (const std::int64_t nz : {1, 3, 5, 16, 100}) {
        for (const DType dtype : {DType::f32, DType::bf16}) {
          INFO("nz " << nz << ", " << name_of(dtype) << ", " << to_string(device));
          const LatentOptions options{kKey, distribution, 4'000'000'000u};
          const std::int64_t step = (std::int64_t{1} << 33) + 7;  // more than one word of step
          const Values z = draw(context, {7, nz}, dtype, step, options).read();
          Values expected(z.shape);
          for (std::int64_t i = 0; i < z.elements(); ++i) {
            const float exact = element(options, step, i / nz, i % nz);
            expected[i] = reference::stored_as(dtype, static_cast<double>(exact));
          }
          REQUIRE(z.v == expected.v);
        }
      }
    }
  }
}

TEST_CASE("drawing the next latent vectors counts the draw up by one and gives the same numbers") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const std::int64_t rows : {1, 3, 70}) {  // one block of a GPU, and several
      for (const std::int64_t nz : {5, 100}) {
        const GuardedTensor draws(context, Values({1}, {41}), DType::i64);
        GuardedTensor z(context, {rows, nz}, DType::f32);
        for (std::int64_t number = 41; number < 44; ++number) {
          draw_next_latent(context, draws.view(), z.view(), {kKey});
          context.synchronize();
          CHECK(draws.read()[0] == static_cast<double>(number + 1));
          CHECK(z.raw() == draw(context, {rows, nz}, DType::f32, number, {kKey}).raw());
        }
        CHECK(draws.guards_intact());
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
