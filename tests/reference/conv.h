// Convolutions in float64 by their definition: one loop over every product, shared by the three
// products, so that each is the adjoint of the others by construction.
#pragma once

#include "kernels/conv/conv.h"
#include "tests/reference/values.h"

namespace dcgan::reference {

/// body(n, h, w, b, p, q, a, r, s) for each product image(n,h,w,b) * weights(a,r,s,b) that belongs
/// to features(n,p,q,a), where h = p * stride - padding + r lies inside.
template <class Body>
void for_each_product(const ConvSpec& spec, const Shape& image, const Shape& features,
                      const Body& body) {
  for (std::int64_t n = 0; n < features[0]; ++n)
    for (std::int64_t p = 0; p < features[1]; ++p)
      for (std::int64_t q = 0; q < features[2]; ++q)
        for (std::int64_t a = 0; a < features[3]; ++a)
          for (std::int64_t r = 0; r < spec.kernel; ++r)
            for (std::int64_t s = 0; s < spec.kernel; ++s) {
              const std::int64_t h = p * spec.stride - spec.padding + r;
              const std::int64_t w = q * spec.stride - spec.padding + s;
              if (h < 0 || h >= image[1] || w < 0 || w >= image[2]) continue;
              for (std::int64_t b = 0; b < image[3]; ++b) body(n, h, w, b, p, q, a, r, s);
            }
}

/// y = conv(x, weights), no activation.
inline Values conv(const ConvSpec& spec, const Values& x, const Values& weights) {
  Values y(spec.output_shape(x.shape));
  const bool ordinary = spec.type == ConvType::convolution;
  for_each_product(spec, ordinary ? x.shape : y.shape, ordinary ? y.shape : x.shape,
                   [&](auto n, auto h, auto w, auto b, auto p, auto q, auto a, auto r, auto s) {
                     const double weight = weights.at(a, r, s, b);
                     if (ordinary) {
                       y.at(n, p, q, a) += x.at(n, h, w, b) * weight;
                     } else {
                       y.at(n, h, w, b) += x.at(n, p, q, a) * weight;
                     }
                   });
  return y;
}

struct ConvGradients {
  Values dx;
  Values dweights;
};

/// dy: the gradient before the activation.
inline ConvGradients conv_gradients(const ConvSpec& spec, const Values& x, const Values& weights,
                                    const Values& dy) {
  ConvGradients gradients{Values(x.shape), Values(weights.shape)};
  const bool ordinary = spec.type == ConvType::convolution;
  for_each_product(spec, ordinary ? x.shape : dy.shape, ordinary ? dy.shape : x.shape,
                   [&](auto n, auto h, auto w, auto b, auto p, auto q, auto a, auto r, auto s) {
                     const double weight = weights.at(a, r, s, b);
                     if (ordinary) {
                       gradients.dx.at(n, h, w, b) += dy.at(n, p, q, a) * weight;
                       gradients.dweights.at(a, r, s, b) += dy.at(n, p, q, a) * x.at(n, h, w, b);
                     } else {
                       gradients.dx.at(n, p, q, a) += dy.at(n, h, w, b) * weight;
                       gradients.dweights.at(a, r, s, b) += dy.at(n, h, w, b) * x.at(n, p, q, a);
                     }
                   });
  return gradients;
}

}  // namespace dcgan::reference
