#include "benchmarks/conv_samples.h"

#include <array>

namespace dcgan::benchmarks {
namespace {

using Place = std::array<std::int64_t, 4>;

Place place_of(std::int64_t element, const Shape& shape) {
  Place place{};
  for (int axis = 3; axis >= 0; --axis) {
    place[static_cast<std::size_t>(axis)] = element % shape[axis];
    element /= shape[axis];
  }
  return place;
}

// The products of the underlying convolution (kernels/conv/underlying.h), one element at a time.
struct Elements {
  const ConvSpec& spec;
  const Values& image;
  const Values& features;
  const Values& weights;

  double of_features(const Place& place) const {
    const auto [n, p, q, a] = place;
    double sum = 0;
    for (std::int64_t r = 0; r < spec.kernel; ++r) {
      for (std::int64_t s = 0; s < spec.kernel; ++s) {
        const std::int64_t h = p * spec.stride - spec.padding + r;
        const std::int64_t w = q * spec.stride - spec.padding + s;
        if (h < 0 || h >= image.shape[1] || w < 0 || w >= image.shape[2]) continue;
        for (std::int64_t b = 0; b < image.shape[3]; ++b) {
          sum += image.at(n, h, w, b) * weights.at(a, r, s, b);
        }
      }
    }
    return sum;
  }

  double of_image(const Place& place) const {
    const auto [n, h, w, b] = place;
    double sum = 0;
    for (std::int64_t r = 0; r < spec.kernel; ++r) {
      for (std::int64_t s = 0; s < spec.kernel; ++s) {
        const std::int64_t row = h + spec.padding - r, column = w + spec.padding - s;
        if (row % spec.stride != 0 || column % spec.stride != 0) continue;
        const std::int64_t p = row / spec.stride, q = column / spec.stride;
        if (row < 0 || p >= features.shape[1] || column < 0 || q >= features.shape[2]) continue;
        for (std::int64_t a = 0; a < features.shape[3]; ++a) {
          sum += features.at(n, p, q, a) * weights.at(a, r, s, b);
        }
      }
    }
    return sum;
  }

  double of_weights(const Place& place) const {
    const auto [a, r, s, b] = place;
    double sum = 0;
    for (std::int64_t n = 0; n < features.shape[0]; ++n) {
      for (std::int64_t p = 0; p < features.shape[1]; ++p) {
        for (std::int64_t q = 0; q < features.shape[2]; ++q) {
          const std::int64_t h = p * spec.stride - spec.padding + r;
          const std::int64_t w = q * spec.stride - spec.padding + s;
          if (h < 0 || h >= image.shape[1] || w < 0 || w >= image.shape[2]) continue;
          sum += image.at(n, h, w, b) * features.at(n, p, q, a);
        }
      }
    }
    return sum;
  }
};

}  // namespace

Samples sample_product(const ConvSpec& spec, Product product, const ConvTensors& tensors,
                       const Values& result, int count) {
  const bool ordinary = spec.type == ConvType::convolution;
  const Elements elements_of{spec, ordinary ? tensors.x : tensors.dy,
                             ordinary ? tensors.dy : tensors.x, tensors.weights};
  const bool is_features = ordinary == (product == Product::forward);
  RandomSequence numbers({3, RandomStream::test}, 0, 0);
  Samples samples{Values({count}), Values({count})};
  for (int i = 0; i < count; ++i) {
    const auto elements = static_cast<std::uint32_t>(result.elements());
    const auto element = static_cast<std::int64_t>(numbers.next_below(elements));
    const Place place = place_of(element, result.shape);
    samples.found[i] = result[element];
    samples.exact[i] = product == Product::weight_gradient ? elements_of.of_weights(place)
                       : is_features                       ? elements_of.of_features(place)
                                                           : elements_of.of_image(place);
  }
  return samples;
}

}  // namespace dcgan::benchmarks
