#include "benchmarks/device_tensor.h"

#include "runtime/base/host_tensor.h"

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

// `pattern` over and over.
DeviceTensor repeated(const Context& context, Shape shape, DType dtype,
                      const std::vector<double>& pattern) {
  DeviceTensor tensor(context, shape, dtype);
  HostTensor host(shape, dtype);
  with_type(dtype, [&]<class T>(T) {
    std::vector<T> values;
    for (const double value : pattern) values.push_back(narrow<T>(value));
    T* to = host.view().as<T>();
    for (std::int64_t i = 0; i < shape.elements(); i += static_cast<std::int64_t>(values.size())) {
      const std::int64_t count =
          std::min(static_cast<std::int64_t>(values.size()), shape.elements() - i);
      std::copy(values.begin(), values.begin() + count, to + i);
    }
  });
  upload(context, host.view(), tensor.view());
  return tensor;
}

}  // namespace

DeviceTensor::DeviceTensor(const Context& context, Shape shape, DType dtype)
    : buffer_(context, static_cast<std::size_t>(shape.elements()) * size_of(dtype)),
      shape_(shape),
      dtype_(dtype) {
  fill_zero(context, view());
}

DeviceTensor::DeviceTensor(const Context& context, const Values& values, DType dtype)
    : DeviceTensor(context, values.shape, dtype) {
  HostTensor host(shape_, dtype);
  with_type(dtype, [&]<class T>(T) {
    std::transform(values.v.begin(), values.v.end(), host.view().as<T>(), narrow<T>);
  });
  upload(context, host.view(), view());
}

DeviceTensor DeviceTensor::random(const Context& context, Shape shape, DType dtype, double sigma,
                                  double mean) {
  // A prime length: no row, tile or cache line begins with the same number as its neighbour.
  static const Values kSequence = reference::random_values({65'521}, 1);
  std::vector<double> pattern = kSequence.v;
  for (double& value : pattern) value = mean + sigma * value;
  return repeated(context, shape, dtype, pattern);
}

DeviceTensor DeviceTensor::constant(const Context& context, Shape shape, DType dtype,
                                    double value) {
  return repeated(context, shape, dtype, std::vector<double>(1024, value));
}

Values DeviceTensor::read(const Context& context) const {
  HostTensor host(shape_, dtype_);
  download(context, view(), host.view());
  Values values(shape_);
  with_type(dtype_, [&]<class T>(T) {
    const T* from = host.view().as<T>();
    std::transform(from, from + shape_.elements(), values.v.begin(), widen<T>);
  });
  return values;
}

}  // namespace dcgan::benchmarks
