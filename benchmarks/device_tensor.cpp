#include "benchmarks/device_tensor.h"

#include <algorithm>
#include <vector>

namespace dcgan::benchmarks {
namespace {

template <class Body>
void with_type(DType dtype, const Body& body) {
  switch (dtype) {
    case DType::f32:
      return body(float{});
    case DType::bf16:
      return body(bf16{});
    case DType::f64:
      return body(double{});
    case DType::u8:
      return body(std::uint8_t{});
    case DType::i32:
      return body(std::int32_t{});
    case DType::i64:
      return body(std::int64_t{});
  }
}

template <class T>
T narrow(double value) {
  if constexpr (std::is_same_v<T, bf16>)
    return bf16(static_cast<float>(value));
  else
    return static_cast<T>(value);
}

template <class T>
double widen(T value) {
  if constexpr (std::is_same_v<T, bf16>)
    return static_cast<float>(value);
  else
    return static_cast<double>(value);
}

// `pattern` repeated.
void fill(const Context& context, const TensorView& to, const std::vector<double>& pattern) {
  with_type(to.dtype, [&]<class T>(T) {
    std::vector<T> once(pattern.size());
    std::transform(pattern.begin(), pattern.end(), once.begin(), narrow<T>);
    std::vector<T> host(static_cast<std::size_t>(to.elements()));
    for (std::size_t i = 0; i < host.size(); ++i) host[i] = once[i % once.size()];
    upload(context, ConstTensorView(host.data(), to.shape), to);
  });
}

}  // namespace

void fill_random(const Context& context, const TensorView& to, double sigma, double mean) {
  // A prime length: rows, tiles and cache lines begin at different places of the sequence.
  static const Values kSequence = reference::random_values({65'521}, 1);
  std::vector<double> pattern = kSequence.v;
  for (double& value : pattern) value = mean + sigma * value;
  fill(context, to, pattern);
}

void fill_constant(const Context& context, const TensorView& to, double value) {
  fill(context, to, {value});
}

DeviceTensor::DeviceTensor(const Context& context, Shape shape, DType dtype)
    : buffer_(context, static_cast<std::size_t>(shape.elements()) * size_of(dtype)),
      view_(buffer_.data(), shape, dtype) {
  fill_zero(context, view_);
}

DeviceTensor::DeviceTensor(const Context& context, const Values& values, DType dtype)
    : DeviceTensor(context, values.shape, dtype) {
  with_type(dtype, [&]<class T>(T) {
    std::vector<T> host(values.v.size());
    std::transform(values.v.begin(), values.v.end(), host.begin(), narrow<T>);
    upload(context, ConstTensorView(host.data(), values.shape), view_);
  });
}

DeviceTensor DeviceTensor::random(const Context& context, Shape shape, DType dtype, double sigma,
                                  double mean) {
  DeviceTensor tensor(context, shape, dtype);
  fill_random(context, tensor.view(), sigma, mean);
  return tensor;
}

DeviceTensor DeviceTensor::constant(const Context& context, Shape shape, DType dtype,
                                    double value) {
  DeviceTensor tensor(context, shape, dtype);
  fill_constant(context, tensor.view(), value);
  return tensor;
}

Values DeviceTensor::read(const Context& context) const {
  Values values(view_.shape);
  with_type(view_.dtype, [&]<class T>(T) {
    std::vector<T> host(values.v.size());
    download(context, view_, TensorView(host.data(), view_.shape));
    std::transform(host.begin(), host.end(), values.v.begin(), widen<T>);
  });
  return values;
}

}  // namespace dcgan::benchmarks
