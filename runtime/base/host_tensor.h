// A tensor that owns its host memory, for what is read from files and written to them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "runtime/base/tensor.h"

namespace dcgan {

/// A tensor that owns its host memory.
class HostTensor {
 public:
  HostTensor() = default;
  HostTensor(Shape shape, DType dtype);  ///< zero-filled
  template <class T>
  static HostTensor from(std::vector<T> values, Shape shape);

  TensorView view() { return {storage_.data(), shape_, dtype_}; }
  ConstTensorView view() const { return {storage_.data(), shape_, dtype_}; }
  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }

 private:
  // Aligned for every element type. An array of bytes and not of max_align_t, which has padding
  // that a vector of it would leave undefined.
  struct alignas(std::max_align_t) Unit {
    std::byte bytes[alignof(std::max_align_t)];
  };
  std::vector<Unit> storage_;
  Shape shape_;
  DType dtype_ = DType::f32;
};

template <class T>
HostTensor HostTensor::from(std::vector<T> values, Shape shape) {
  HostTensor tensor(shape, dtype_of<T>);
  DCGAN_CHECK(static_cast<std::int64_t>(values.size()) == shape.elements(),
              "host tensor: {} values for shape {}", values.size(), to_string(shape));
  std::copy(values.begin(), values.end(), tensor.view().template as<T>());
  return tensor;
}

}  // namespace dcgan
