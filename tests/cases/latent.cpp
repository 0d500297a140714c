#include "tests/cases/latent.h"

namespace dcgan::test {
namespace {

// Element i of a row, from the contract.
float element(const LatentOptions& options, std::int64_t draw, std::int64_t rows, std::int64_t row,
              std::int64_t i) {
  const bool by_batch = options.number == DrawNumber::batch;
  const std::int64_t sample = options.first_sample + row + (by_batch ? draw * rows : 0);
  const RandomWords words =
      random_words(options.key, by_batch ? 0 : static_cast<std::uint64_t>(draw),
                   static_cast<std::uint32_t>(sample), static_cast<std::uint32_t>(i / 4));
  if (options.distribution == LatentDistribution::uniform) {
    return 2.0f * uniform_from(words.word[i % 4]) - 1.0f;
  }
  const std::int64_t pair = i % 4 / 2 * 2;
  const NormalPair numbers = normal_pair_from(words.word[pair], words.word[pair + 1]);
  return i % 2 == 0 ? numbers.first : numbers.second;
}

Values expected_latent(const LatentCase& one, std::int64_t draw, DType dtype) {
  Values z(one.shape);
  const std::int64_t nz = one.shape[1];
  for (std::int64_t i = 0; i < z.elements(); ++i) {
    const float exact = element(one.options, draw, one.shape[0], i / nz, i % nz);
    z[i] = reference::stored_as(dtype, static_cast<double>(exact));
  }
  return z;
}

Values number(std::int64_t value) { return Values({1}, {static_cast<double>(value)}); }

}  // namespace

std::string to_string(const LatentCase& one) {
  return std::string(enum_name(one.options.distribution)) + " " + to_string(one.shape) +
         (one.options.number == DrawNumber::batch ? " of a sequence" : "");
}

std::vector<LatentCase> latent_cases() {
  constexpr std::uint32_t kLateSample = 4'000'000'000u;
  constexpr std::int64_t kLateDraw = (std::int64_t{1} << 33) + 7;
  std::vector<LatentCase> cases;
  for (const auto& [name, distribution] : enum_table(LatentDistribution{})) {
    for (const std::int64_t nz : {1, 3, 5, 16, 100, 101}) {
      cases.push_back({{kLatentKey, distribution, kLateSample}, {7, nz}, kLateDraw});
    }
    for (const std::int64_t rows : {1, 3, 70}) {
      for (const std::int64_t nz : {5, 100}) {
        cases.push_back({{kLatentKey, distribution}, {rows, nz}, 41});
      }
    }
    // One sequence of rows; the second passes the last of 2^32 samples.
    const LatentOptions batches{kLatentKey, distribution, 5, DrawNumber::batch};
    cases.push_back({batches, {70, 100}, 41});
    cases.push_back({batches, {3, 5}, (std::int64_t{1} << 32) / 3 - 1});
  }
  return cases;
}

void check_latent(const Context& context, const LatentCase& one, DType dtype,
                  const Report& report) {
  const GuardedTensor draw(context, number(one.first_draw), DType::i64);
  const GuardedTensor z(context, one.shape, dtype);
  draw_latent(context, draw.view(), z.view(), one.options);
  report(exactly("z", z.read(), expected_latent(one, one.first_draw, dtype)));
  report(exactly("draw after draw_latent", draw.read(), number(one.first_draw)));
  for (std::int64_t at = one.first_draw; at < one.first_draw + 3; ++at) {
    const GuardedTensor next(context, one.shape, dtype);
    draw_next_latent(context, draw.view(), next.view(), one.options);
    report(exactly("z of draw_next_latent", next.read(), expected_latent(one, at, dtype)));
    report(exactly("draw after draw_next_latent", draw.read(), number(at + 1)));
    report(guard_bytes({&next}));
  }
  report(guard_bytes({&draw, &z}));
}

}  // namespace dcgan::test
