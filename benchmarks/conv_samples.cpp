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

// The kernel's two sides, as in kernels/conv_engine_cpu.h: small(n, p, q, a) meets big(n, h, w, b)
// through weights(a, r, s, b) where h = p * stride - padding + r.
struct Sides {
  const ConvSpec& spec;
  const Values& big;
  const Values& small;
  const Values& weights;

  double of_small(const Place& place) const {
    const auto [n, p, q, a] = place;
    double sum = 0;
    for (std::int64_t r = 0; r < spec.kernel; ++r) {
      for (std::int64_t s = 0; s < spec.kernel; ++s) {
        const std::int64_t h = p * spec.stride - spec.padding + r;
        const std::int64_t w = q * spec.stride - spec.padding + s;
        if (h < 0 || h >= big.shape[1] || w < 0 || w >= big.shape[2]) continue;
        for (std::int64_t b = 0; b < big.shape[3]; ++b) {
          sum += big.at(n, h, w, b) * weights.at(a, r, s, b);
        }
      }
    }
    return sum;
  }

  double of_big(const Place& place) const {
    const auto [n, h, w, b] = place;
    double sum = 0;
    for (std::int64_t r = 0; r < spec.kernel; ++r) {
      for (std::int64_t s = 0; s < spec.kernel; ++s) {
        const std::int64_t row = h + spec.padding - r, column = w + spec.padding - s;
        if (row % spec.stride != 0 || column % spec.stride != 0) continue;
        const std::int64_t p = row / spec.stride, q = column / spec.stride;
        if (row < 0 || p >= small.shape[1] || column < 0 || q >= small.shape[2]) continue;
        for (std::int64_t a = 0; a < small.shape[3]; ++a) {
          sum += small.at(n, p, q, a) * weights.at(a, r, s, b);
        }
      }
    }
    return sum;
  }

  double of_weights(const Place& place) const {
    const auto [a, r, s, b] = place;
    double sum = 0;
    for (std::int64_t n = 0; n < small.shape[0]; ++n) {
      for (std::int64_t p = 0; p < small.shape[1]; ++p) {
        for (std::int64_t q = 0; q < small.shape[2]; ++q) {
          const std::int64_t h = p * spec.stride - spec.padding + r;
          const std::int64_t w = q * spec.stride - spec.padding + s;
          if (h < 0 || h >= big.shape[1] || w < 0 || w >= big.shape[2]) continue;
          sum += big.at(n, h, w, b) * small.at(n, p, q, a);
        }
      }
    }
    return sum;
  }
};

}  // namespace

Samples sample_product(const ConvSpec& spec, Product product, const ConvTensors& tensors,
                       const Values& result, int count) {
  const bool down = spec.type == ConvType::convolution;
  const Sides sides{spec, down ? tensors.x : tensors.dy, down ? tensors.dy : tensors.x,
                    tensors.weights};
  const bool is_small = down == (product == Product::forward);
  RandomSequence numbers({3, RandomStream::test}, 0, 0);
  Samples samples{Values({count}), Values({count})};
  for (int i = 0; i < count; ++i) {
    const auto elements = static_cast<std::uint32_t>(result.elements());
    const auto element = static_cast<std::int64_t>(numbers.next_below(elements));
    const Place place = place_of(element, result.shape);
    samples.found[i] = result[element];
    samples.exact[i] = product == Product::weight_gradient ? sides.of_weights(place)
                       : is_small                          ? sides.of_small(place)
                                                           : sides.of_big(place);
  }
  return samples;
}

}  // namespace dcgan::benchmarks
