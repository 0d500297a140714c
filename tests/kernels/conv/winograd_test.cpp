// The CPU's minimal filtering by itself: at sizes where the rule in conv_cpu.cpp would not take it.
#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/conv/cpu/algorithm.h"
#include "kernels/conv/cpu/winograd_transform.h"
#include "tests/reference/conv.h"
#include "tests/support/catch.h"

namespace dcgan::test {
namespace {

using cpu::ConvSides;
using cpu::FilteringShape;
using reference::Values;

ConvSides sides_of(std::int64_t images, std::int64_t rows, std::int64_t columns,
                   std::int64_t channels, std::int64_t outputs) {
  return {{images, 2 * rows, 2 * columns, channels}, {images, rows, columns, outputs}, 4, 2, 1};
}

std::vector<float> to_floats(const Values& values) { return {values.v.begin(), values.v.end()}; }

Values to_values(const Shape& shape, const std::vector<float>& floats) {
  Values values(shape);
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    values[i] = floats[static_cast<std::size_t>(i)];
  }
  return values;
}

// Results and scratch start as NaN: what is not written, or read before it is, shows.
std::vector<float> unwritten(const Shape& shape) {
  return std::vector<float>(static_cast<std::size_t>(shape.elements()), NAN);
}

struct Scratch {
  explicit Scratch(std::size_t bytes) : memory(bytes + 64, std::byte{0xff}) {}
  std::byte* data() {
    const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
    return memory.data() + (64 - address % 64) % 64;
  }
  std::vector<std::byte> memory;
};

void compare(const ConvSides& sides) {
  INFO("big " << to_string(sides.big) << ", small " << to_string(sides.small));
  REQUIRE(FilteringShape::fits(sides));
  const ConvSpec down{ConvType::convolution, sides.big[3], sides.small[3], 4, 2, 1};
  const Values big = reference::random_values(sides.big, 1, DType::f32);
  const Values small = reference::random_values(sides.small, 2, DType::f32);
  const Values weights = reference::random_values(down.weight_shape(), 3, DType::f32, 0.0, 0.2);
  const auto big_f = to_floats(big), small_f = to_floats(small), weights_f = to_floats(weights);

  const auto engine = cpu::make_filtering_engine(sides);
  Scratch scratch(engine->workspace_bytes());
  std::vector<float> gathered = unwritten(sides.small), scattered = unwritten(sides.big);
  std::vector<float> dweights = unwritten(weights.shape);
  engine->gather(big_f.data(), weights_f.data(), gathered.data(), scratch.data());
  engine->scatter(small_f.data(), weights_f.data(), scattered.data(), scratch.data());
  engine->weight_gradient(big_f.data(), small_f.data(), dweights.data(), scratch.data());

  const auto gradients = reference::conv_gradients(down, big, weights, small);
  // Sums of up to 16 C products, each transform adding a rounding of its own: a few ulp of the
  // result's size, where the plain sum has about one.
  constexpr double kBound = 2e-6;
  CHECK(reference::relative_l2(to_values(sides.small, gathered),
                               reference::conv(down, big, weights)) < kBound);
  CHECK(reference::relative_l2(to_values(sides.big, scattered), gradients.dx) < kBound);
  CHECK(reference::relative_l2(to_values(weights.shape, dweights), gradients.dweights) < kBound);
}

}  // namespace

TEST_CASE("minimal filtering equals the convolution and both its adjoints") {
  compare(sides_of(1, 2, 2, 16, 16));    // one tile: nothing but borders
  compare(sides_of(3, 6, 4, 32, 16));    // three rows of two tiles
  compare(sides_of(2, 4, 10, 16, 48));   // more channels out than in
  compare(sides_of(1, 2, 260, 16, 16));  // an image with more tiles than a piece
}

TEST_CASE("minimal filtering adds up the pieces of a batch, the last shorter") {
  compare(sides_of(300, 2, 2, 16, 16));  // one tile an image: three pieces
  compare(sides_of(37, 4, 4, 16, 32));   // four: two pieces
}

TEST_CASE("minimal filtering takes its kernel, whole tiles and whole vectors only") {
  const ConvSides good = sides_of(2, 4, 4, 16, 16);
  CHECK(FilteringShape::fits(good));
  CHECK_FALSE(FilteringShape::fits(sides_of(2, 3, 4, 16, 16)));
  CHECK_FALSE(FilteringShape::fits(sides_of(2, 4, 4, 24, 16)));
  CHECK_FALSE(FilteringShape::fits(sides_of(2, 4, 4, 16, 1)));
  ConvSides other = good;
  other.kernel = 5;
  CHECK_FALSE(FilteringShape::fits(other));
  other = good;
  other.stride = 1;
  CHECK_FALSE(FilteringShape::fits(other));
  other = good;
  other.dtype = DType::bf16;
  CHECK_FALSE(FilteringShape::fits(other));
  other = good;
  other.big = {2, 9, 8, 16};  // an odd image whose last row no kernel covers
  CHECK_FALSE(FilteringShape::fits(other));
}

TEST_CASE("the rule takes minimal filtering for wide layers of a batch") {
  CHECK(cpu::filtering_pays(sides_of(64, 16, 16, 64, 128)));
  CHECK(cpu::filtering_pays(sides_of(64, 4, 4, 256, 512)));
  CHECK_FALSE(cpu::filtering_pays(sides_of(1, 4, 4, 256, 512)));   // one image
  CHECK_FALSE(cpu::filtering_pays(sides_of(64, 32, 32, 3, 64)));   // the image's side
  CHECK_FALSE(cpu::filtering_pays(sides_of(64, 16, 16, 32, 64)));  // few channels
}

}  // namespace dcgan::test
