#include <algorithm>

#include "kernels/common/cpu_loops.h"
#include "kernels/input/latent_variants.h"
#include "runtime/base/parallel.h"

namespace dcgan::cpu {
namespace {

/// The four numbers of one block of words.
template <LatentDistribution distribution>
void numbers_from(const RandomWords& words, float out[4]) {
  if constexpr (distribution == LatentDistribution::normal) {
    const NormalPair first = normal_pair_from(words.word[0], words.word[1]);
    const NormalPair second = normal_pair_from(words.word[2], words.word[3]);
    out[0] = first.first;
    out[1] = first.second;
    out[2] = second.first;
    out[3] = second.second;
  } else {
    for (int i = 0; i < 4; ++i) out[i] = uniform_from(words.word[i]) * 2.0f - 1.0f;
  }
}

template <class T, LatentDistribution distribution>
void draw(std::uint64_t number, TensorView z, const LatentOptions& options) {
  const bool counts_steps = options.number == DrawNumber::step;
  const std::uint64_t step = counts_steps ? number : 0;
  const auto rows_before = static_cast<std::uint32_t>(
      counts_steps ? 0 : number * static_cast<std::uint64_t>(z.shape[0]));
  const std::uint32_t first_sample = options.first_sample + rows_before;
  const std::int64_t nz = z.shape[1];
  T* out = z.as<T>();
  parallel_for(z.shape[0], 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const auto sample = first_sample + static_cast<std::uint32_t>(row);
      for (std::int64_t first = 0; first < nz; first += 4) {
        float numbers[4];
        const auto block = static_cast<std::uint32_t>(first / 4);
        numbers_from<distribution>(random_words(options.key, step, sample, block), numbers);
        const std::int64_t count = std::min<std::int64_t>(4, nz - first);
        for (std::int64_t i = 0; i < count; ++i) {
          out[row * nz + first + i] = static_cast<T>(numbers[i]);
        }
      }
    }
  });
}

}  // namespace

void draw_latent(const Context& /*context*/, ConstTensorView number, TensorView z,
                 const LatentOptions& options) {
  const auto t = static_cast<std::uint64_t>(*number.as<std::int64_t>());
  with_float_type(z.dtype, [&]<class T>() {
    if (options.distribution == LatentDistribution::normal) {
      draw<T, LatentDistribution::normal>(t, z, options);
    } else {
      draw<T, LatentDistribution::uniform>(t, z, options);
    }
  });
}

void draw_next_latent(const Context& context, TensorView number, TensorView z,
                      const LatentOptions& options) {
  cpu::draw_latent(context, number, z, options);
  ++*number.as<std::int64_t>();
}

}  // namespace dcgan::cpu
