// Devices under test, and tensors on them with guard bytes on both sides.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "runtime/device/memory.h"
#include "tests/reference/values.h"
#include "tests/support/catch.h"
#include "tests/support/devices.h"

namespace dcgan::test {

using reference::Values;

/// A tensor on a device between two runs of guard bytes. Contents start as NaN-like garbage.
class GuardedTensor {
 public:
  GuardedTensor(const Context& context, Shape shape, DType dtype)
      : context_(&context), shape_(shape), dtype_(dtype) {
    bytes_ = static_cast<std::size_t>(shape.elements()) * size_of(dtype);
    buffer_ = Buffer(context, bytes_ + 2 * kGuard);
    const std::vector<std::uint8_t> garbage(buffer_.bytes(), kPattern);
    upload(context, {garbage.data(), whole().shape}, whole());
  }
  GuardedTensor(const Context& context, const Values& values, DType dtype)
      : GuardedTensor(context, values.shape, dtype) {
    write(values);
  }

  TensorView view() const { return {buffer_.data() + kGuard, shape_, dtype_}; }

  void write(const Values& values) const {
    std::vector<std::uint8_t> host(bytes_);
    for (std::int64_t i = 0; i < values.elements(); ++i) put(host.data(), i, values[i]);
    upload(*context_, {host.data(), shape_, dtype_}, view());
  }
  Values read() const {
    const std::vector<std::uint8_t> host = raw();
    Values values(shape_);
    for (std::int64_t i = 0; i < values.elements(); ++i) values[i] = get(host.data(), i);
    return values;
  }
  /// The bytes as stored, to compare exactly.
  std::vector<std::uint8_t> raw() const {
    std::vector<std::uint8_t> host(bytes_);
    download(*context_, view(), {host.data(), shape_, dtype_});
    return host;
  }
  bool guards_intact() const {
    std::vector<std::uint8_t> host(buffer_.bytes());
    download(*context_, whole(), {host.data(), whole().shape});
    for (std::size_t i = 0; i < kGuard; ++i) {
      if (host[i] != kPattern || host[kGuard + bytes_ + i] != kPattern) return false;
    }
    return true;
  }

 private:
  static constexpr std::size_t kGuard = 256;      // a plan's alignment, so that views are aligned
  static constexpr std::uint8_t kPattern = 0xff;  // as floats: NaN, so that a forgotten write shows

  TensorView whole() const {
    return {buffer_.data(), {static_cast<std::int64_t>(buffer_.bytes())}, DType::u8};
  }
  template <class T>
  static void put_as(std::uint8_t* host, std::int64_t i, T value) {
    std::memcpy(host + static_cast<std::size_t>(i) * sizeof value, &value, sizeof value);
  }
  template <class T>
  static T get_as(const std::uint8_t* host, std::int64_t i) {
    T value;
    std::memcpy(&value, host + static_cast<std::size_t>(i) * sizeof value, sizeof value);
    return value;
  }
  void put(std::uint8_t* host, std::int64_t i, double value) const {
    switch (dtype_) {
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
  double get(const std::uint8_t* host, std::int64_t i) const {
    switch (dtype_) {
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

  const Context* context_;
  Shape shape_;
  DType dtype_;
  std::size_t bytes_ = 0;
  Buffer buffer_;
};

/// Relative error, in the L2 norm, of a result that sums `terms` products and is then stored.
/// float32: rounding errors of a sum add up like a random walk, 2^-24 each, and a few more for what
/// follows. bf16: the stored result is rounded to 8 bits, at most 2^-9, twice where an activation
/// follows in a pass of its own.
inline double tolerance(DType stored, std::int64_t terms) {
  const double sum = std::ldexp(1.0, -24) * (8 + 2 * std::sqrt(static_cast<double>(terms)));
  return stored == DType::bf16 ? std::ldexp(1.0, -8) + sum : sum;
}

/// The kind and the message of the Error that body throws; fails when it throws none.
struct Thrown {
  ErrorKind kind = ErrorKind::internal;
  std::string message;
};
template <class Body>
Thrown thrown_by(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    return {error.kind(), error.what()};
  }
  FAIL("no error was thrown");
  return {};
}

}  // namespace dcgan::test
