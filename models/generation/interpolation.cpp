#include "models/generation/interpolation.h"

#include <cmath>
#include <span>

namespace dcgan {
namespace {

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * double{b[i]};
  return sum;
}

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

HostTensor spherical_interpolation(const HostTensor& ends, std::int64_t frames) {
  const std::int64_t legs = ends.shape()[0];
  const auto nz = static_cast<std::size_t>(ends.shape()[1]);
  DCGAN_CHECK(legs >= 2 && frames >= 1, "walk: {} ends, {} frames a leg", legs, frames);
  HostTensor walk({legs * frames, ends.shape()[1]}, DType::f32);
  const float* from = ends.view().as<float>();
  float* to = walk.view().as<float>();
  for (std::int64_t leg = 0; leg < legs; ++leg) {
    const std::span a(from + leg * ends.shape()[1], nz);
    const std::span b(from + (leg + 1) % legs * ends.shape()[1], nz);
    for (std::int64_t frame = 0; frame < frames; ++frame, to += nz) {
      slerp(a, b, static_cast<double>(frame) / static_cast<double>(frames), {to, nz});
    }
  }
  return walk;
}

}  // namespace dcgan
