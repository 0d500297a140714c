// The uniform and normal numbers, and the two functions they are made with.
#include <algorithm>
#include <cmath>

#include "runtime/base/philox.h"
#include "tests/support/catch.h"

using namespace dcgan;

namespace {

constexpr double kPi = 3.14159265358979323846;

// The k-th uniform number there is; there are 2^23.
float uniform(std::uint32_t k) { return uniform_from(k << 9); }

constexpr std::uint32_t kUniforms = 1u << 23;
// A prime, so that every residue modulo a power of two is met: 600 000 of the 8 million numbers.
constexpr std::uint32_t kStride = 13;

double ulp_of(double value) {
  const auto magnitude = std::abs(static_cast<float>(value));
  return static_cast<double>(std::nextafter(magnitude, INFINITY)) - magnitude;
}

}  // namespace

TEST_CASE("a uniform number lies in the open interval at the extreme words") {
  CHECK(uniform_from(0u) == 0x1p-24f);
  CHECK(uniform_from(0xffffffffu) == 1.0f - 0x1p-24f);
  CHECK(uniform_from(0x1ffu) == uniform_from(0u));  // the lower nine bits are not used
  CHECK(uniform_from(0x200u) == 3 * 0x1p-24f);
}

TEST_CASE("uniform numbers are strictly increasing odd multiples of 2^-24") {
  int wrong = 0;
  for (std::uint32_t k = 0; k + kStride < kUniforms; k += kStride) {
    const double scaled = static_cast<double>(uniform(k)) * 0x1p24;
    wrong += scaled != 2.0 * k + 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("portable_log is within three units in the last place of the real logarithm") {
  double worst = 0;
  const auto measure = [&worst](float x) {
    const double exact = std::log(static_cast<double>(x));
    worst = std::max(worst, std::abs(static_cast<double>(portable_log(x)) - exact) / ulp_of(exact));
  };
  for (std::uint32_t k = 0; k < kUniforms; k += kStride) measure(uniform(k));
  // Where the result is smallest, and where the reduced argument changes sides.
  for (std::uint32_t k = kUniforms - 4096; k < kUniforms; ++k) measure(uniform(k));
  const auto side = static_cast<std::uint32_t>(std::sqrt(0.5) * kUniforms);
  for (std::uint32_t k = side - 2048; k < side + 2048; ++k) measure(uniform(k));
  CAPTURE(worst);
  CHECK(worst < 3.0);
  CHECK(portable_log(1.0f) == 0.0f);
}

TEST_CASE("portable_sincos_turns is within 2^-23 of the real sine and cosine") {
  double worst = 0;
  const auto measure = [&worst](float u) {
    const SinCos got = portable_sincos_turns(u);
    const double angle = 2 * kPi * static_cast<double>(u);
    worst = std::max(
        {worst, std::abs(got.sine - std::sin(angle)), std::abs(got.cosine - std::cos(angle))});
  };
  for (std::uint32_t k = 0; k < kUniforms; k += kStride) measure(uniform(k));
  // Around the eight borders of the quadrant reduction.
  for (std::uint32_t border = 0; border <= 8; ++border) {
    const std::uint32_t centre = border * (kUniforms / 8);
    for (std::uint32_t k = centre < 64 ? 0 : centre - 64; k < std::min(centre + 64, kUniforms);
         ++k) {
      measure(uniform(k));
    }
  }
  CAPTURE(worst);
  CHECK(worst < 0x1p-23);
}

TEST_CASE("sine and cosine are exact at quarter turns") {
  CHECK(portable_sincos_turns(0.0f).cosine == 1.0f);
  CHECK(portable_sincos_turns(0.25f).sine == 1.0f);
  CHECK(portable_sincos_turns(0.5f).cosine == -1.0f);
  CHECK(portable_sincos_turns(0.75f).sine == -1.0f);
  CHECK(portable_sincos_turns(0.25f).cosine == 0.0f);
}

TEST_CASE("no pair of words makes a normal number that is not finite") {
  for (const std::uint32_t a : {0u, 1u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
    for (const std::uint32_t b : {0u, 1u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
      const NormalPair pair = normal_pair_from(a, b);
      // The radius is largest at the smallest uniform, 2^-24: sqrt(48 log 2) = 5.768.
      CHECK(std::hypot(pair.first, pair.second) < 5.77f);
    }
  }
}

TEST_CASE("a million normal numbers have the moments of the normal distribution") {
  constexpr int kPairs = 500'000;
  constexpr double kCount = 2.0 * kPairs;
  double sum[5] = {};
  double cross = 0;
  for (std::uint32_t i = 0; i < kPairs / 2; ++i) {
    const RandomWords words = random_words({12345, RandomStream::latent}, 0, i, 0);
    for (int half = 0; half < 2; ++half) {
      const NormalPair pair = normal_pair_from(words.word[2 * half], words.word[2 * half + 1]);
      cross += static_cast<double>(pair.first) * pair.second;
      for (const double x : {double{pair.first}, double{pair.second}}) {
        sum[1] += x;
        sum[2] += x * x;
        sum[3] += x * x * x;
        sum[4] += x * x * x * x;
      }
    }
  }
  const double mean = sum[1] / kCount;
  const double variance = sum[2] / kCount - mean * mean;
  const double skewness = sum[3] / kCount;
  const double kurtosis = sum[4] / kCount;
  // Four standard errors of each estimate for n independent normal numbers: sqrt(1/n), sqrt(2/n),
  // E[x^6] = 15: sqrt(15/n), E[x^8] - E[x^4]^2 = 96: sqrt(96/n), and sqrt(1/pairs).
  CHECK(std::abs(mean) < 4 * std::sqrt(1 / kCount));
  CHECK(std::abs(variance - 1) < 4 * std::sqrt(2 / kCount));
  CHECK(std::abs(skewness) < 4 * std::sqrt(15 / kCount));
  CHECK(std::abs(kurtosis - 3) < 4 * std::sqrt(96 / kCount));
  CHECK(std::abs(cross / kPairs) < 4 * std::sqrt(1.0 / kPairs));
}

TEST_CASE("normal numbers fall between the quartiles as often as they should") {
  // Moments alone would pass a wrong shape of equal moments.
  constexpr int kDraws = 200'000;
  RandomSequence sequence({9, RandomStream::latent}, 1, 2);
  int inside = 0;
  int beyond_two = 0;
  for (int i = 0; i < kDraws; ++i) {
    const float x = std::abs(sequence.next_normal());
    inside += x < 0.67448975f;
    beyond_two += x > 2.0f;
  }
  // Four standard deviations of the binomial counts.
  CHECK(std::abs(inside - 0.5 * kDraws) < 4 * std::sqrt(kDraws * 0.25));
  const double tail = 0.0455002639;
  CHECK(std::abs(beyond_two - tail * kDraws) < 4 * std::sqrt(kDraws * tail * (1 - tail)));
}

TEST_CASE("a uniform number between two bounds stays between them") {
  RandomSequence sequence({4, RandomStream::test}, 0, 0);
  for (int i = 0; i < 10'000; ++i) {
    const float x = sequence.next_uniform(-2.0f, 3.0f);
    REQUIRE(x >= -2.0f);
    REQUIRE(x <= 3.0f);
  }
}
