// Numbers in float64 with a shape: what the reference loops compute on, and how two sets of numbers
// are compared.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "runtime/base/dtype.h"
#include "runtime/base/philox.h"
#include "runtime/base/shape.h"

namespace dcgan::reference {

struct Values {
  Shape shape;
  std::vector<double> v;

  Values() = default;
  explicit Values(Shape s) : shape(s), v(static_cast<std::size_t>(s.elements())) {}
  Values(Shape s, std::vector<double> values) : shape(s), v(std::move(values)) {}

  double& operator[](std::int64_t i) { return v[static_cast<std::size_t>(i)]; }
  double operator[](std::int64_t i) const { return v[static_cast<std::size_t>(i)]; }
  std::int64_t elements() const { return static_cast<std::int64_t>(v.size()); }
  /// Element (n, h, w, c) of an image tensor.
  double& at(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) {
    return (*this)[((n * shape[1] + h) * shape[2] + w) * shape[3] + c];
  }
  double at(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) const {
    return (*this)[((n * shape[1] + h) * shape[2] + w) * shape[3] + c];
  }
};

/// The value that storage in `dtype` would hold.
inline double stored_as(DType dtype, double value) {
  if (dtype == DType::bf16) return static_cast<float>(bf16(static_cast<float>(value)));
  if (dtype == DType::f32) return static_cast<float>(value);
  return value;
}

inline Values stored_as(DType dtype, Values values) {
  for (double& value : values.v) value = stored_as(dtype, value);
  return values;
}

/// mean + sigma * normal numbers, rounded to what `dtype` stores; the same for the same seed.
inline Values random_values(Shape shape, std::uint32_t seed, DType dtype = DType::f32,
                            double mean = 0.0, double sigma = 1.0) {
  RandomSequence sequence({20151119, RandomStream::test}, 0, seed);
  Values values(shape);
  for (double& value : values.v) {
    value = stored_as(dtype, mean + sigma * static_cast<double>(sequence.next_normal()));
  }
  return values;
}

inline double l2_norm(const Values& a) {
  double sum = 0;
  for (const double value : a.v) sum += value * value;
  return std::sqrt(sum);
}

/// ||a - b|| / ||b||; infinite where a holds a NaN, so that no comparison passes by accident.
inline double relative_l2(const Values& a, const Values& b) {
  if (!(a.shape == b.shape)) return INFINITY;
  double sum = 0;
  for (std::size_t i = 0; i < a.v.size(); ++i) sum += (a.v[i] - b.v[i]) * (a.v[i] - b.v[i]);
  if (std::isnan(sum)) return INFINITY;
  const double norm = l2_norm(b);
  return norm > 0 ? std::sqrt(sum) / norm : std::sqrt(sum);
}

inline double max_abs_difference(const Values& a, const Values& b) {
  if (!(a.shape == b.shape)) return INFINITY;
  double worst = 0;
  for (std::size_t i = 0; i < a.v.size(); ++i) {
    const double difference = std::fabs(a.v[i] - b.v[i]);
    if (std::isnan(difference)) return INFINITY;
    worst = std::max(worst, difference);
  }
  return worst;
}

inline double dot(const Values& a, const Values& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.v.size(); ++i) sum += a.v[i] * b.v[i];
  return sum;
}

/// d f / d x by central differences. f: double(const Values&).
template <class Function>
Values finite_differences(const Function& f, Values x, double step = 1e-5) {
  Values gradient(x.shape);
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const double kept = x[i];
    x[i] = kept + step;
    const double above = f(x);
    x[i] = kept - step;
    const double below = f(x);
    x[i] = kept;
    gradient[i] = (above - below) / (2 * step);
  }
  return gradient;
}

}  // namespace dcgan::reference
