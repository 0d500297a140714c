// The CPU's Winograd algorithm by itself: at sizes where winograd_pays() would not choose it.
#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/conv/cpu/algorithm.h"
#include "kernels/conv/cpu/winograd_transform.h"
#include "tests/reference/conv.h"
#include "tests/support/catch.h"

namespace dcgan::test {
namespace {

using cpu::WinogradShape;
using reference::Values;

UnderlyingConv conv_of(std::int64_t images, std::int64_t rows, std::int64_t columns,
                       std::int64_t channels, std::int64_t filters) {
  return {{images, 2 * rows, 2 * columns, channels}, {images, rows, columns, filters}, 4, 2, 1};
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

void compare(const UnderlyingConv& conv) {
  INFO("image " << to_string(conv.image) << ", features " << to_string(conv.features));
  REQUIRE(WinogradShape::fits(conv));
  const ConvSpec down{ConvType::convolution, conv.image[3], conv.features[3], 4, 2, 1};
  const Values image = reference::random_values(conv.image, 1, DType::f32);
  const Values features = reference::random_values(conv.features, 2, DType::f32);
  const Values weights = reference::random_values(down.weight_shape(), 3, DType::f32, 0.0, 0.2);
  const auto big_f = to_floats(image), small_f = to_floats(features),
             weights_f = to_floats(weights);

  const auto algorithm = cpu::make_winograd(conv);
  Scratch scratch(std::max({algorithm->workspace_bytes(ConvPass::forward),
                            algorithm->workspace_bytes(ConvPass::backward_data),
                            algorithm->workspace_bytes(ConvPass::backward_weights)}));
  std::vector<float> forward = unwritten(conv.features), data = unwritten(conv.image);
  std::vector<float> dweights = unwritten(weights.shape);
  algorithm->forward(big_f.data(), weights_f.data(), forward.data(), scratch.data());
  algorithm->backward_data(small_f.data(), weights_f.data(), data.data(), scratch.data());
  algorithm->backward_weights(big_f.data(), small_f.data(), dweights.data(), scratch.data());

  const auto gradients = reference::conv_gradients(down, image, weights, features);
  // Sums of up to 16 C products, each transform adding a rounding of its own: a few ulp of the
  // result's size, where the plain sum has about one.
  constexpr double kBound = 2e-6;
  CHECK(reference::relative_l2(to_values(conv.features, forward),
                               reference::conv(down, image, weights)) < kBound);
  CHECK(reference::relative_l2(to_values(conv.image, data), gradients.dx) < kBound);
  CHECK(reference::relative_l2(to_values(weights.shape, dweights), gradients.dweights) < kBound);
}

}  // namespace

TEST_CASE("Winograd equals the convolution and both its adjoints") {
  compare(conv_of(1, 2, 2, 16, 16));    // one tile: nothing but borders
  compare(conv_of(3, 6, 4, 32, 16));    // three rows of two tiles
  compare(conv_of(2, 4, 10, 16, 48));   // more channels out than in
  compare(conv_of(1, 2, 260, 16, 16));  // an image with more tiles than a piece
}

TEST_CASE("Winograd adds up the pieces of a batch, the last shorter") {
  compare(conv_of(300, 2, 2, 16, 16));  // one tile an image: three pieces
  compare(conv_of(37, 4, 4, 16, 32));   // four: two pieces
}

TEST_CASE("Winograd takes its kernel, whole tiles and whole vectors only") {
  const UnderlyingConv good = conv_of(2, 4, 4, 16, 16);
  CHECK(WinogradShape::fits(good));
  CHECK_FALSE(WinogradShape::fits(conv_of(2, 3, 4, 16, 16)));
  CHECK_FALSE(WinogradShape::fits(conv_of(2, 4, 4, 24, 16)));
  CHECK_FALSE(WinogradShape::fits(conv_of(2, 4, 4, 16, 1)));
  UnderlyingConv other = good;
  other.kernel = 5;
  CHECK_FALSE(WinogradShape::fits(other));
  other = good;
  other.stride = 1;
  CHECK_FALSE(WinogradShape::fits(other));
  other = good;
  other.dtype = DType::bf16;
  CHECK_FALSE(WinogradShape::fits(other));
  other = good;
  other.image = {2, 9, 8, 16};  // an odd image whose last row no kernel covers
  CHECK_FALSE(WinogradShape::fits(other));
}

TEST_CASE("the rule takes Winograd for wide layers of a batch") {
  CHECK(cpu::winograd_pays(conv_of(64, 16, 16, 64, 128)));
  CHECK(cpu::winograd_pays(conv_of(64, 4, 4, 256, 512)));
  CHECK_FALSE(cpu::winograd_pays(conv_of(1, 4, 4, 256, 512)));   // one image
  CHECK_FALSE(cpu::winograd_pays(conv_of(64, 32, 32, 3, 64)));   // three channels
  CHECK_FALSE(cpu::winograd_pays(conv_of(64, 16, 16, 32, 64)));  // few channels
}

}  // namespace dcgan::test
