#include "models/generation/interpolation.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace dcgan {
namespace {

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * double{b[i]};
  return sum;
}

/// out = (sin((1 - t) angle) a + sin(t angle) b) / sin(angle), angle between a and b (Shoemake
/// 1985).
void slerp(std::span<const float> a, std::span<const float> b, double t, std::span<float> out) {
  const double cosine = dot(a, b) / std::max(std::sqrt(dot(a, a) * dot(b, b)), 1e-30);
  const double angle = std::acos(std::fmin(1.0, std::fmax(-1.0, cosine)));
  const double sine = std::sin(angle);
  // Nearly parallel vectors: the arc is a line.
  const double weight_a = sine < 1e-6 ? 1.0 - t : std::sin((1.0 - t) * angle) / sine;
  const double weight_b = sine < 1e-6 ? t : std::sin(t * angle) / sine;
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<float>(weight_a * double{a[i]} + weight_b * double{b[i]});
  }
}

}  // namespace

HostTensor spherical_interpolation(const HostTensor& points, std::int64_t frames) {
  const std::int64_t count = points.shape()[0];
  const auto nz = static_cast<std::size_t>(points.shape()[1]);
  DCGAN_CHECK(count >= 2 && frames >= 1, "interpolation: {} points, {} frames between two", count,
              frames);
  HostTensor result({count * frames, points.shape()[1]}, DType::f32);
  const ConstTensorView from = points.view();
  float* to = result.view().as<float>();
  for (std::int64_t point = 0; point < count; ++point) {
    const std::span a(from.rows(point, 1).as<float>(), nz);
    const std::span b(from.rows((point + 1) % count, 1).as<float>(), nz);
    for (std::int64_t frame = 0; frame < frames; ++frame, to += nz) {
      slerp(a, b, static_cast<double>(frame) / static_cast<double>(frames), {to, nz});
    }
  }
  return result;
}

}  // namespace dcgan
