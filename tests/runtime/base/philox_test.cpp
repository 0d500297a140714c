#include "runtime/base/philox.h"

#include <array>
#include <set>
#include <vector>

#include "tests/support/catch.h"

using namespace dcgan;

namespace {

using Words = std::array<std::uint32_t, 4>;

Words words_of(const RandomWords& words) {
  return {words.word[0], words.word[1], words.word[2], words.word[3]};
}

}  // namespace

TEST_CASE("Philox4x32-10 gives the known answers of its authors' test vectors") {
  // Random123, kat_vectors, the three lines "philox4x32 10".
  CHECK(words_of(philox4x32_10({{0, 0, 0, 0}}, 0, 0)) ==
        Words{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u});
  const std::uint32_t ones = 0xffffffffu;
  CHECK(words_of(philox4x32_10({{ones, ones, ones, ones}}, ones, ones)) ==
        Words{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu});
  CHECK(words_of(philox4x32_10({{0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}}, 0xa4093822u,
                               0x299f31d0u)) ==
        Words{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u});
}

TEST_CASE("each of seed, stream, step, sample and block changes the numbers") {
  std::set<Words> seen;
  std::size_t drawn = 0;
  for (const std::uint64_t seed : {0ull, 1ull, 1ull << 32, 1ull << 63}) {
    for (const RandomStream stream : {RandomStream::latent, RandomStream::shuffle}) {
      for (const std::uint64_t step : {0ull, 1ull, 1ull << 32, (1ull << 56) - 1}) {
        for (const std::uint32_t sample : {0u, 1u, 0xffffffffu}) {
          for (const std::uint32_t block : {0u, 1u, 0xffffffffu}) {
            seen.insert(words_of(random_words({seed, stream}, step, sample, block)));
            ++drawn;
          }
        }
      }
    }
  }
  CHECK(seen.size() == drawn);
}

TEST_CASE("the values of RandomStream are those of saved runs") {
  CHECK(static_cast<int>(RandomStream::generator_init) == 1);
  CHECK(static_cast<int>(RandomStream::discriminator_init) == 2);
  CHECK(static_cast<int>(RandomStream::latent) == 3);
  CHECK(static_cast<int>(RandomStream::fixed_latent) == 4);
  CHECK(static_cast<int>(RandomStream::shuffle) == 5);
  CHECK(static_cast<int>(RandomStream::flip) == 6);
  CHECK(static_cast<int>(RandomStream::real_labels) == 7);
  CHECK(static_cast<int>(RandomStream::strokes) == 8);
  CHECK(static_cast<int>(RandomStream::sample) == 9);
  CHECK(static_cast<int>(RandomStream::test) == 10);
  CHECK(static_cast<int>(RandomStream::fake_labels) == 11);
}

TEST_CASE("a random sequence yields the blocks of its sample in order") {
  const RandomKey key{42, RandomStream::test};
  RandomSequence sequence(key, 7, 3);
  for (std::uint32_t block = 0; block < 3; ++block) {
    const RandomWords expected = random_words(key, 7, 3, block);
    for (const std::uint32_t word : expected.word) CHECK(sequence.next_word() == word);
  }
}

TEST_CASE("next_below reaches every number below its bound about equally often") {
  constexpr std::uint32_t kBound = 10;
  constexpr int kDraws = 100'000;
  RandomSequence sequence({1, RandomStream::test}, 0, 0);
  std::vector<int> count(kBound);
  for (int i = 0; i < kDraws; ++i) {
    const std::uint32_t value = sequence.next_below(kBound);
    REQUIRE(value < kBound);
    ++count[value];
  }
  const double expected = static_cast<double>(kDraws) / kBound;
  double chi_square = 0;
  for (const int n : count) chi_square += (n - expected) * (n - expected) / expected;
  CHECK(chi_square < 27.88);  // 9 degrees of freedom, probability 0.001; the seed is fixed
}

TEST_CASE("next_below is unbiased where a plain multiplication would not be") {
  // Bound 3 * 2^30: of the words, a plain high product sends two to every third number. The
  // fraction of numbers congruent 0 mod 3 would then be 1/2 and not 1/3.
  RandomSequence sequence({2, RandomStream::test}, 0, 0);
  constexpr int kDraws = 100'000;
  int multiples = 0;
  for (int i = 0; i < kDraws; ++i) multiples += sequence.next_below(3u << 30) % 3 == 0;
  // Five standard deviations of a binomial count: 5 * sqrt(n * 1/3 * 2/3) = 745.
  CHECK(std::abs(multiples - kDraws / 3) < 745);
}

TEST_CASE("next_below of one is always zero") {
  RandomSequence sequence({3, RandomStream::test}, 0, 0);
  for (int i = 0; i < 100; ++i) CHECK(sequence.next_below(1) == 0);
}
