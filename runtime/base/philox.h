// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC'11), and uniform and normal numbers made from it.
//
// A number is a function of (seed, stream of use, step, sample, element) and of nothing else, so it
// is the same on the CPU and on the GPU, for any number of threads or ranks, and a resumed run
// needs only the seed and the step. The normal numbers use only correctly rounded operations (fma,
// division, square root) and therefore have the same bits on every device.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "runtime/base/portability.h"

namespace dcgan {

/// What the numbers are for. Different uses never share numbers. Values are part of saved runs:
/// append, never renumber.
enum class RandomStream : std::uint32_t {
  generator_init = 1,
  discriminator_init = 2,
  latent = 3,
  fixed_latent = 4,
  shuffle = 5,
  flip = 6,
  real_labels = 7,
  strokes = 8,
  sample = 9,
  test = 10,
  fake_labels = 11,
};

struct RandomKey {
  std::uint64_t seed = 0;
  RandomStream stream = RandomStream::test;
};

/// Four 32-bit words.
struct RandomWords {
  std::uint32_t word[4];
};

/// The ten-round bijection of the paper.
DCGAN_HOST_DEVICE inline RandomWords philox4x32_10(RandomWords counter, std::uint32_t key0,
                                                   std::uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53u} * counter.word[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57u} * counter.word[2];
    counter = {{static_cast<std::uint32_t>(product1 >> 32) ^ counter.word[1] ^ key0,
                static_cast<std::uint32_t>(product1),
                static_cast<std::uint32_t>(product0 >> 32) ^ counter.word[3] ^ key1,
                static_cast<std::uint32_t>(product0)}};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return counter;
}

/// Words 4 * block .. 4 * block + 3 of a sample's sequence. step < 2^56.
DCGAN_HOST_DEVICE inline RandomWords random_words(RandomKey key, std::uint64_t step,
                                                  std::uint32_t sample, std::uint32_t block) {
  const std::uint32_t tail =
      (static_cast<std::uint32_t>(key.stream) << 24) | static_cast<std::uint32_t>(step >> 32);
  return philox4x32_10({{block, sample, static_cast<std::uint32_t>(step), tail}},
                       static_cast<std::uint32_t>(key.seed),
                       static_cast<std::uint32_t>(key.seed >> 32));
}

/// Uniform in the open interval (0, 1), a multiple of 2^-24.
DCGAN_HOST_DEVICE inline float uniform_from(std::uint32_t word) {
  // (k + 1/2) / 2^24 is exact in float only below 2^23: 23 bits keep it exact and below one.
  return (static_cast<float>(word >> 9) + 0.5f) * 0x1p-23f;
}

/// Natural logarithm of x in (0, 1], x not subnormal. Error below 3 ulp (2.51 at most over all
/// uniform numbers).
DCGAN_HOST_DEVICE inline float portable_log(float x) {
  std::uint32_t bits = 0;
  memcpy(&bits, &x, sizeof bits);
  // x = m * 2^e with m in [sqrt(1/2), sqrt(2)): the offset is the bit pattern of sqrt(1/2).
  const std::int32_t exponent = static_cast<std::int32_t>(bits - 0x3f3504f3u) >> 23;
  bits -= static_cast<std::uint32_t>(exponent) << 23;
  float m = 0;
  memcpy(&m, &bits, sizeof m);
  // log m = 2 atanh(s), s = (m - 1) / (m + 1), |s| < 0.172.
  const float s = (m - 1.0f) / (m + 1.0f);
  const float s2 = s * s;
  float series = fmaf(s2, 2.0f / 9.0f, 2.0f / 7.0f);
  series = fmaf(s2, series, 2.0f / 5.0f);
  series = fmaf(s2, series, 2.0f / 3.0f);
  series = fmaf(s2, series, 2.0f);
  return fmaf(static_cast<float>(exponent), 0.693147181f, s * series);
}

struct SinCos {
  float sine;
  float cosine;
};

/// Sine and cosine of 2 pi u, u in [0, 1); error below 2^-23.
DCGAN_HOST_DEVICE inline SinCos portable_sincos_turns(float u) {
  const float quarters = u * 4.0f;                     // exact
  const float nearest = floorf(quarters + 0.5f);       // 0..4
  const float x = (quarters - nearest) * 1.57079633f;  // |x| <= pi / 4
  const float x2 = x * x;
  float sine = fmaf(x2, 2.75573192e-6f, -1.98412698e-4f);
  sine = fmaf(x2, sine, 8.33333333e-3f);
  sine = fmaf(x2, sine, -1.66666667e-1f);
  sine = fmaf(x2 * x, sine, x);
  float cosine = fmaf(x2, -2.75573192e-7f, 2.48015873e-5f);
  cosine = fmaf(x2, cosine, -1.38888889e-3f);
  cosine = fmaf(x2, cosine, 4.16666667e-2f);
  cosine = fmaf(x2, cosine, -0.5f);
  cosine = fmaf(x2, cosine, 1.0f);
  switch (static_cast<int>(nearest) & 3) {
    case 0:
      return {sine, cosine};
    case 1:
      return {cosine, -sine};
    case 2:
      return {-sine, -cosine};
    default:
      return {-cosine, sine};
  }
}

/// Two independent standard normal numbers from two words (Box and Muller 1958).
struct NormalPair {
  float first;
  float second;
};
DCGAN_HOST_DEVICE inline NormalPair normal_pair_from(std::uint32_t a, std::uint32_t b) {
  const float radius = sqrtf(-2.0f * portable_log(uniform_from(a)));
  const SinCos angle = portable_sincos_turns(uniform_from(b));
  return {radius * angle.cosine, radius * angle.sine};
}

/// One sample's numbers, element by element, for host code that draws a few at a time.
class RandomSequence {
 public:
  RandomSequence(RandomKey key, std::uint64_t step, std::uint32_t sample)
      : key_(key), step_(step), sample_(sample) {}

  std::uint32_t next_word() {
    if (position_ == 4) {
      words_ = random_words(key_, step_, sample_, block_++);
      position_ = 0;
    }
    return words_.word[position_++];
  }
  float next_uniform() { return uniform_from(next_word()); }
  float next_uniform(float low, float high) { return fmaf(high - low, next_uniform(), low); }
  float next_normal() {
    const std::uint32_t a = next_word();
    return normal_pair_from(a, next_word()).first;
  }
  /// Uniform integer in [0, bound), without bias (Lemire 2019). bound >= 1.
  std::uint32_t next_below(std::uint32_t bound) {
    std::uint64_t product = std::uint64_t{next_word()} * bound;
    if (static_cast<std::uint32_t>(product) < bound) {
      const std::uint32_t threshold = (0u - bound) % bound;
      while (static_cast<std::uint32_t>(product) < threshold) {
        product = std::uint64_t{next_word()} * bound;
      }
    }
    return static_cast<std::uint32_t>(product >> 32);
  }

 private:
  RandomKey key_;
  std::uint64_t step_;
  std::uint32_t sample_;
  std::uint32_t block_ = 0;
  int position_ = 4;
  RandomWords words_{};
};

}  // namespace dcgan
