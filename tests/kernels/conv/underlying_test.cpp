#include "kernels/conv/underlying.h"

#include "tests/support/catch.h"

using namespace dcgan;

namespace {

constexpr ConvType kConvolution = ConvType::convolution;
constexpr ConvType kTransposed = ConvType::transposed;

ConvClass class_of(const ConvSpec& spec, const Shape& input) {
  ConvConfig config;
  config.spec = spec;
  config.input = input;
  return dcgan::class_of(underlying_of(config));
}

}  // namespace

TEST_CASE("a layer's class follows from its shape, whichever side the image is on") {
  // The stem and the layers of a generator.
  CHECK(class_of({kTransposed, 100, 512, 4, 1, 0}, {64, 1, 1, 100}) == ConvClass::gemm);
  CHECK(class_of({kTransposed, 100, 512, 7, 2, 0}, {64, 1, 1, 100}) == ConvClass::gemm);
  CHECK(class_of({kTransposed, 512, 256, 4, 2, 1}, {64, 4, 4, 512}) == ConvClass::wide);
  CHECK(class_of({kTransposed, 64, 3, 4, 2, 1}, {64, 32, 32, 64}) == ConvClass::small_channel);
  // The layers and the head of a discriminator.
  CHECK(class_of({kConvolution, 1, 64, 4, 2, 1}, {64, 28, 28, 1}) == ConvClass::small_channel);
  CHECK(class_of({kConvolution, 64, 128, 4, 2, 1}, {64, 32, 32, 64}) == ConvClass::wide);
  CHECK(class_of({kConvolution, 512, 1, 4, 1, 0}, {64, 4, 4, 512}) == ConvClass::gemv);
  CHECK(class_of({kConvolution, 512, 8, 4, 1, 0}, {64, 4, 4, 512}) == ConvClass::gemm);
  // Few channels on the side of the features only; padding around a kernel as large as the image.
  CHECK(class_of({kConvolution, 64, 3, 4, 2, 1}, {64, 32, 32, 64}) == ConvClass::wide);
  CHECK(class_of({kConvolution, 5, 8, 4, 2, 1}, {64, 4, 4, 5}) == ConvClass::wide);
  CHECK(class_of({kConvolution, 4, 8, 3, 1, 1}, {64, 9, 9, 4}) == ConvClass::small_channel);
}

TEST_CASE("a transposed convolution exchanges the image and the features, and two products") {
  ConvConfig config;
  config.spec = {kTransposed, 16, 3, 4, 2, 1};
  config.input = {2, 5, 6, 16};
  config.passes = {/*forward=*/true, /*backward_data=*/false, /*backward_weights=*/true};
  const UnderlyingConv conv = underlying_of(config);
  CHECK(conv.image == Shape{2, 10, 12, 3});
  CHECK(conv.features == Shape{2, 5, 6, 16});
  CHECK(conv.weight_shape() == config.spec.weight_shape());
  CHECK_FALSE(conv.products.forward);
  CHECK(conv.products.backward_data);
  CHECK(conv.products.backward_weights);
  for (const auto& [name, pass] : enum_table(ConvPass{})) {
    CHECK(underlying_product(kConvolution, pass) == pass);
    CHECK(underlying_product(kTransposed, underlying_product(kTransposed, pass)) == pass);
    CHECK(conv.products.contain(underlying_product(kTransposed, pass)) ==
          config.passes.contain(pass));
  }
  CHECK(underlying_product(kTransposed, ConvPass::forward) == ConvPass::backward_data);
}
