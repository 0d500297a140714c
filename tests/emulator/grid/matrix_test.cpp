// Tests of the emulator: tensor-core products, ldmatrix and the copies that feed them, and reports
// of wrong uses.
#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "tests/emulator/grid/support.h"
#include "tests/emulator/grid/tile_product.h"
#include "tests/support/catch.h"

namespace dcgan::emulator {
namespace {

/// Values that bf16 holds, without a pattern that a wrong index would repeat.
float value_at(int i) { return static_cast<float>((i * 37 + i / 7 * 11) % 127 - 63) / 32.0f; }

struct Tiles {
  Tiles(int rows, int columns, int depth)
      : a(static_cast<std::size_t>(rows * depth)),
        b(static_cast<std::size_t>(depth * columns)),
        c(static_cast<std::size_t>(rows * columns)),
        arguments{a.data(), b.data(), c.data(), rows, columns, depth} {
    for (std::size_t i = 0; i < a.count; ++i) a[i] = bf16(value_at(static_cast<int>(i)));
    for (std::size_t i = 0; i < b.count; ++i) b[i] = bf16(value_at(static_cast<int>(i) + 1000));
  }

  /// Largest distance to the float64 product, as a multiple of the rounding error of `depth`
  /// additions of terms up to 4: a float32 sum stays below 1. Not finite where a value is not.
  double error() const {
    double worst = 0;
    const TileProduct& p = arguments;
    for (int row = 0; row < p.rows; ++row) {
      for (int column = 0; column < p.columns; ++column) {
        double sum = 0;
        for (int k = 0; k < p.depth; ++k) {
          sum += static_cast<double>(static_cast<float>(p.a[row * p.depth + k])) *
                 static_cast<float>(p.b[k * p.columns + column]);
        }
        const double found = p.c[row * p.columns + column];
        if (!std::isfinite(found)) return found;
        worst = std::max(worst, std::abs(found - sum));
      }
    }
    return worst / (4.0 * p.depth * p.depth * std::ldexp(1.0, -24));
  }

  Array<bf16> a;
  Array<bf16> b;
  Array<float> c;
  TileProduct arguments;
};

Grid grid_of(const TileProduct& p, int warps) {
  return {"tile_product_kernel",
          dim3(static_cast<unsigned>((p.rows + 16 * warps - 1) / (16 * warps)),
               static_cast<unsigned>((p.columns + 15) / 16)),
          dim3(static_cast<unsigned>(32 * warps))};
}

template <int warps, Mistake mistake = Mistake::none>
double error_of(int rows, int columns, int depth) {
  const Tiles tiles(rows, columns, depth);
  run_grid(grid_of(tiles.arguments, warps),
           [&] { tile_product_kernel<warps, mistake>(tiles.arguments); });
  return tiles.error();
}

template <Mistake mistake>
std::string report_of_product() {
  const Tiles tiles(64, 16, 64);
  return report_of(grid_of(tiles.arguments, 4),
                   [&] { tile_product_kernel<4, mistake>(tiles.arguments); });
}

/// Runs `body` in the three orders of threads, then sets the first again.
void in_every_order(const std::function<void()>& body) {
  for (const ThreadOrder order : kOrders) {
    set_order(order);
    body();
  }
  set_order(ThreadOrder::forward);
}

/// C = A B with tf32 operands by one warp: A (16, 8), B (8, 8), straight from memory.
void product_tf32(const float* a, const float* b, float* c, bool convert) {
  const auto lane = static_cast<int>(threadIdx.x);
  const int g = lane / 4;
  const int t = lane % 4;
  const auto operand = [&](float x) { return convert ? cuda::to_tf32(x) : __float_as_uint(x); };
  const cuda::FragmentA left{{operand(a[g * 8 + t]), operand(a[(g + 8) * 8 + t]),
                              operand(a[g * 8 + t + 4]), operand(a[(g + 8) * 8 + t + 4])}};
  const cuda::FragmentB right{{operand(b[t * 8 + g]), operand(b[(t + 4) * 8 + g])}};
  cuda::Accumulator sum{};
  cuda::mma_tf32(sum, left, right);
  for (int i = 0; i < 4; ++i) c[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = sum.v[i];
}

}  // namespace

TEST_CASE("tiles of matrices on tensor cores match float64 in every order of threads") {
  in_every_order([] {
    CHECK(error_of<1>(16, 16, 16) < 1);
    CHECK(error_of<1>(13, 8, 40) < 1);
    CHECK(error_of<1>(35, 24, 8) < 1);
    CHECK(error_of<4>(64, 16, 112) < 1);
    CHECK(error_of<4>(147, 40, 136) < 1);
  });
}

TEST_CASE("the order of additions in a tensor-core product follows the order of threads") {
  // 2^25 + 1 - 2^25: float32 keeps the 1 or loses it.
  const auto sum = [](ThreadOrder order, std::uint64_t seed) {
    set_order(order, seed);
    const Tiles tiles(16, 8, 16);
    std::fill_n(tiles.a.data(), tiles.a.count, bf16(0.0f));
    std::fill_n(tiles.b.data(), tiles.b.count, bf16(1.0f));
    for (const auto& [k, value] : {std::pair{0, 33554432.0f}, {1, 1.0f}, {2, -33554432.0f}}) {
      tiles.a[static_cast<std::size_t>(k)] = bf16(value);
    }
    run_grid(grid_of(tiles.arguments, 1),
             [&] { tile_product_kernel<1, Mistake::none>(tiles.arguments); });
    set_order(ThreadOrder::forward);
    return tiles.c[0];
  };
  std::vector<float> found;
  for (std::uint64_t seed = 1; seed < 20; ++seed) found.push_back(sum(ThreadOrder::random, seed));
  CHECK(std::count(found.begin(), found.end(), 0.0f) > 0);
  CHECK(std::count(found.begin(), found.end(), 1.0f) > 0);
  CHECK(sum(ThreadOrder::random, 5) == sum(ThreadOrder::random, 5));
}

TEST_CASE("tf32 rounds to 10 bits of mantissa, ties away from zero") {
  const auto rounded = [](float x) { return __uint_as_float(cuda::to_tf32(x)); };
  const float step = std::ldexp(1.0f, -10);
  CHECK(rounded(1.0f) == 1.0f);
  CHECK(rounded(1.0f + 0.5f * step) == 1.0f + step);
  CHECK(rounded(-1.0f - 0.5f * step) == -1.0f - step);
  CHECK(rounded(1.0f + 0.49f * step) == 1.0f);
  CHECK(rounded(1.0f + 1.51f * step) == 1.0f + 2 * step);
  CHECK(rounded(3.4028234e38f) == INFINITY);
  CHECK(rounded(-INFINITY) == -INFINITY);
  CHECK(std::isnan(rounded(NAN)));
}

TEST_CASE("a tf32 product by one warp matches float64 over rounded operands") {
  Array<float> a(128);
  Array<float> b(64);
  Array<float> c(128);
  for (std::size_t i = 0; i < 128; ++i) a[i] = value_at(static_cast<int>(i)) * 1.0003f;
  for (std::size_t i = 0; i < 64; ++i) b[i] = value_at(static_cast<int>(i) + 50) * 0.9997f;
  const auto rounded = [](float x) {
    return static_cast<double>(__uint_as_float(round_to_tf32(x)));
  };
  in_every_order([&] {
    run_grid({"product_tf32", dim3(1), dim3(32)},
             [&] { product_tf32(a.data(), b.data(), c.data(), true); });
    double worst = 0;
    for (std::size_t row = 0; row < 16; ++row) {
      for (std::size_t column = 0; column < 8; ++column) {
        double sum = 0;
        for (std::size_t k = 0; k < 8; ++k) {
          sum += rounded(a[row * 8 + k]) * rounded(b[k * 8 + column]);
        }
        worst = std::max(worst, std::abs(sum - c[row * 8 + column]));
      }
    }
    CHECK(worst < 4.0 * 8 * 8 * std::ldexp(1.0, -24));
  });
}

TEST_CASE("planted bug: a tf32 operand that was not rounded is reported") {
  Array<float> a = counting(128);
  a[9] = 1.0001f;
  const Array<float> b = counting(64);
  const Array<float> c(128);
  CHECK_THAT(report_of({"product_tf32", dim3(1), dim3(32)},
                       [&] { product_tf32(a.data(), b.data(), c.data(), false); }),
             Contains("to_tf32") && Contains("thread (5, 0, 0)"));
}

TEST_CASE(
    "ldmatrix of two matrices reads the rows of the first 16 lanes, straight and transposed") {
  Array<int> straight(64);
  Array<int> transposed(64);
  run_grid({"two", dim3(1), dim3(32)}, [&] {
    DCGAN_SHARED(std::uint16_t, rows, [16][8]);
    const unsigned lane = threadIdx.x;
    for (unsigned i = lane; i < 128; i += 32) rows[i / 8][i % 8] = static_cast<std::uint16_t>(i);
    __syncthreads();
    std::uint32_t word[2];
    cuda::load_matrix_x2(word, lane < 16 ? rows[lane] : nullptr);
    for (unsigned i = 0; i < 2; ++i) straight[2 * lane + i] = static_cast<int>(word[i]);
    cuda::load_matrix_x2_transposed(word, lane < 16 ? rows[lane] : nullptr);
    for (unsigned i = 0; i < 2; ++i) transposed[2 * lane + i] = static_cast<int>(word[i]);
  });
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane / 4;
    const int t = lane % 4;
    for (int i = 0; i < 2; ++i) {
      const auto at = static_cast<std::size_t>(2 * lane + i);
      const int first = 64 * i;
      CHECK(straight[at] == first + 8 * g + 2 * t + (first + 8 * g + 2 * t + 1) * 65536);
      CHECK(transposed[at] == first + 16 * t + g + (first + 16 * t + 8 + g) * 65536);
    }
  }
}

TEST_CASE("planted bug: a swapped row of a fragment gives a wrong product") {
  in_every_order([] { CHECK(error_of<4, Mistake::swapped_row>(64, 16, 64) > 100); });
}

TEST_CASE("planted bug: a row's address that is not a multiple of 16 is reported") {
  CHECK_THAT(report_of_product<Mistake::misaligned_row>(),
             Contains("tile_product.h") && Contains("not a multiple of 16"));
}

TEST_CASE("planted bug: a row's address outside of shared memory is reported") {
  CHECK_THAT(report_of_product<Mistake::outside_of_array>(),
             Contains("thread (5, 0, 0)") && Contains("shared memory"));
}

TEST_CASE("planted bug: a lane that is missing from a product is reported") {
  CHECK_THAT(report_of_product<Mistake::missing_lane>(), Contains("mma_bf16 at ") &&
                                                             Contains("tile_product.h") &&
                                                             Contains("waits for lane 5"));
}

TEST_CASE("planted bug: copies that are never waited for are reported") {
  CHECK_THAT(report_of_product<Mistake::not_waited_for>(),
             Contains("tile_product.h") && Contains("not waited for"));
}

#if !defined(DCGAN_RACE_CHECK)

TEST_CASE("planted bug: a wait for one group too few reads NaN") {
  in_every_order([] { CHECK(std::isnan(error_of<1, Mistake::short_wait>(16, 16, 64))); });
}

TEST_CASE("planted bug: a stage that is refilled before its last reader reads NaN") {
  in_every_order([] { CHECK(std::isnan(error_of<4, Mistake::early_overwrite>(64, 16, 112))); });
}

TEST_CASE("planted bug: reading others' copies without a barrier after the wait reads NaN") {
  in_every_order([] { CHECK(std::isnan(error_of<4, Mistake::no_barrier>(64, 16, 64))); });
}

#else

TEST_CASE("planted bug: a wait for one group too few is a race") {
  CHECK(dies([] { error_of<1, Mistake::short_wait>(16, 16, 64); }));
}

TEST_CASE("planted bug: a stage that is refilled before its last reader is a race") {
  CHECK(dies([] { error_of<4, Mistake::early_overwrite>(64, 16, 112); }));
}

TEST_CASE("planted bug: reading others' copies without a barrier after the wait is a race") {
  CHECK(dies([] { error_of<4, Mistake::no_barrier>(64, 16, 64); }));
}

#endif

}  // namespace dcgan::emulator
