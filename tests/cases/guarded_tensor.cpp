#include "tests/cases/guarded_tensor.h"

#include <cmath>
#include <cstring>

namespace dcgan::test {
namespace {

template <class T>
void put_as(std::uint8_t* host, std::int64_t i, T value) {
  std::memcpy(host + static_cast<std::size_t>(i) * sizeof value, &value, sizeof value);
}

template <class T>
T get_as(const std::uint8_t* host, std::int64_t i) {
  T value;
  std::memcpy(&value, host + static_cast<std::size_t>(i) * sizeof value, sizeof value);
  return value;
}

void put(DType dtype, std::uint8_t* host, std::int64_t i, double value) {
  switch (dtype) {
    case DType::f32:
      return put_as(host, i, static_cast<float>(value));
    case DType::bf16:
      return put_as(host, i, bf16(static_cast<float>(value)));
    case DType::f64:
      return put_as(host, i, value);
    case DType::u8:
      return put_as(host, i, static_cast<std::uint8_t>(value));
    case DType::i32:
      return put_as(host, i, static_cast<std::int32_t>(value));
    case DType::i64:
      return put_as(host, i, static_cast<std::int64_t>(value));
  }
}

double get(DType dtype, const std::uint8_t* host, std::int64_t i) {
  switch (dtype) {
    case DType::f32:
      return get_as<float>(host, i);
    case DType::bf16:
      return static_cast<float>(get_as<bf16>(host, i));
    case DType::f64:
      return get_as<double>(host, i);
    case DType::u8:
      return get_as<std::uint8_t>(host, i);
    case DType::i32:
      return get_as<std::int32_t>(host, i);
    case DType::i64:
      return static_cast<double>(get_as<std::int64_t>(host, i));
  }
  return NAN;
}

}  // namespace

GuardedTensor::GuardedTensor(const Context& context, Shape shape, DType dtype)
    : context_(&context),
      shape_(shape),
      dtype_(dtype),
      bytes_(static_cast<std::size_t>(shape.elements()) * size_of(dtype)),
      buffer_(context, bytes_ + 2 * kGuardBytes) {
  const std::vector<std::uint8_t> pattern(buffer_.bytes(), kPattern);
  upload(context, {pattern.data(), whole().shape}, whole());
}

GuardedTensor::GuardedTensor(const Context& context, const Values& values, DType dtype)
    : GuardedTensor(context, values.shape, dtype) {
  write(values);
}

void GuardedTensor::write(const Values& values) const {
  std::vector<std::uint8_t> host(bytes_);
  for (std::int64_t i = 0; i < values.elements(); ++i) put(dtype_, host.data(), i, values[i]);
  upload(*context_, {host.data(), shape_, dtype_}, view());
}

Values GuardedTensor::read() const {
  const std::vector<std::uint8_t> host = raw();
  Values values(shape_);
  for (std::int64_t i = 0; i < values.elements(); ++i) values[i] = get(dtype_, host.data(), i);
  return values;
}

std::vector<std::uint8_t> GuardedTensor::raw() const {
  std::vector<std::uint8_t> host(bytes_);
  download(*context_, view(), {host.data(), shape_, dtype_});
  return host;
}

std::int64_t GuardedTensor::damaged_guard_bytes() const {
  std::vector<std::uint8_t> host(buffer_.bytes());
  download(*context_, whole(), {host.data(), whole().shape});
  std::int64_t damaged = 0;
  for (std::size_t i = 0; i < kGuardBytes; ++i) {
    damaged += host[i] != kPattern ? 1 : 0;
    damaged += host[kGuardBytes + bytes_ + i] != kPattern ? 1 : 0;
  }
  return damaged;
}

TensorView GuardedTensor::whole() const {
  return {buffer_.data(), {static_cast<std::int64_t>(buffer_.bytes())}, DType::u8};
}

Comparison guard_bytes(std::initializer_list<const GuardedTensor*> tensors) {
  std::int64_t damaged = 0;
  for (const GuardedTensor* tensor : tensors) damaged += tensor->damaged_guard_bytes();
  return exactly("guard bytes", Values({1}, {static_cast<double>(damaged)}), Values(Shape{1}));
}

}  // namespace dcgan::test
