// Drawing latent vectors.
#include "kernels/input/latent.h"

#include "benchmarks/operations/operations.h"

namespace dcgan::benchmarks {
namespace {

constexpr RandomKey kKey{7, RandomStream::latent};
constexpr double kStep = 3;

// Element by element from the contract of kernels/input/latent.h.
double element(LatentDistribution distribution, std::int64_t row, std::int64_t i) {
  const RandomWords words =
      random_words(kKey, static_cast<std::uint64_t>(kStep), static_cast<std::uint32_t>(row),
                   static_cast<std::uint32_t>(i / 4));
  if (distribution == LatentDistribution::uniform) {
    return static_cast<double>(2.0f * uniform_from(words.word[i % 4]) - 1.0f);
  }
  const std::int64_t pair = i % 4 / 2 * 2;
  const NormalPair numbers = normal_pair_from(words.word[pair], words.word[pair + 1]);
  return static_cast<double>(i % 2 == 0 ? numbers.first : numbers.second);
}

void check(Session& session) {
  const Context& context = session.context();
  const DType dtype = session.settings().dtype();
  const DeviceTensor step(context, Values({1}, {kStep}), DType::i64);
  for (const auto& [name, distribution] : enum_table(LatentDistribution{})) {
    const Shape shape{5, 101};
    const DeviceTensor z(context, shape, dtype);
    draw_latent(context, step.view(), z.view(), {kKey, distribution});
    Values expected(shape);
    for (std::int64_t i = 0; i < expected.elements(); ++i) {
      expected[i] = reference::stored_as(dtype, element(distribution, i / shape[1], i % shape[1]));
    }
    session.compare_exactly(std::string(name), z.read(context), expected);
    const DeviceTensor next(context, shape, dtype),
        draws(context, Values({1}, {kStep}), DType::i64);
    draw_next_latent(context, draws.view(), next.view(), {kKey, distribution});
    session.compare_exactly(std::string(name) + ", next", next.read(context), expected);
  }
}

void time(Session& session) {
  const Context& context = session.context();
  const Shape shape{session.settings().batch, session.settings().model.nz};
  const DeviceTensor step(context, {1}, DType::i64);
  const DeviceTensor z(context, shape, session.settings().dtype());
  for (const auto& [name, distribution] : enum_table(LatentDistribution{})) {
    const int per_step = distribution == LatentDistribution::normal ? 1 : 0;
    const LatentOptions options{kKey, distribution};
    session.time(
        {std::string(name), shape, 0, static_cast<double>(z.view().bytes()), per_step, "", ""},
        [&] { draw_next_latent(context, step.view(), z.view(), options); });
  }
}

}  // namespace

Operation latent_operation() {
  return {"latent",
          {"kernels/input/latent.h"},
          "drawing normal and uniform latent vectors",
          check,
          time};
}

}  // namespace dcgan::benchmarks
