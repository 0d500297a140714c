// Tensor views: the address, shape and element type of a tensor that something else owns. Always
// contiguous, outermost extent first. Images are (N, H, W, C).
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/base/dtype.h"
#include "runtime/base/errors.h"
#include "runtime/base/shape.h"

namespace dcgan {

namespace detail {
template <class Pointer>
struct BasicTensorView {
  Pointer data = nullptr;
  Shape shape;
  DType dtype = DType::f32;

  std::int64_t elements() const { return shape.elements(); }
  std::size_t bytes() const { return static_cast<std::size_t>(elements()) * size_of(dtype); }
  bool empty() const { return data == nullptr; }

 protected:
  void require(DType wanted) const {
    DCGAN_CHECK(dtype == wanted, "tensor: holds {}, read as {}", name_of(dtype), name_of(wanted));
  }
};
}  // namespace detail

/// A view through which elements may be written. As an argument, `{}` means "not wanted".
struct TensorView : detail::BasicTensorView<void*> {
  TensorView() = default;
  TensorView(void* data, Shape shape, DType dtype) : BasicTensorView{data, shape, dtype} {}
  template <class T>
  TensorView(T* data, Shape shape) : TensorView(data, shape, dtype_of<T>) {}

  template <class T>
  T* as() const {
    require(dtype_of<T>);
    return static_cast<T*>(data);
  }
  /// Rows [first, first + count) along the outermost axis.
  TensorView rows(std::int64_t first, std::int64_t count) const {
    DCGAN_CHECK(shape.rank() > 0 && first >= 0 && count >= 0 && first + count <= shape[0],
                "tensor: rows {}..{} of {}", first, first + count, to_string(shape));
    const std::int64_t row = shape[0] == 0 ? 0 : elements() / shape[0];
    return {static_cast<std::byte*>(data) + first * row * static_cast<std::int64_t>(size_of(dtype)),
            shape.with_rows(count), dtype};
  }
  /// The same elements under another shape of equal element count.
  TensorView reshaped(Shape other) const {
    DCGAN_CHECK(other.elements() == elements(), "tensor: {} does not reshape to {}",
                to_string(shape), to_string(other));
    return {data, other, dtype};
  }
};

/// A read-only view.
struct ConstTensorView : detail::BasicTensorView<const void*> {
  ConstTensorView() = default;
  ConstTensorView(const void* data, Shape shape, DType dtype)
      : BasicTensorView{data, shape, dtype} {}
  template <class T>
  ConstTensorView(const T* data, Shape shape) : ConstTensorView(data, shape, dtype_of<T>) {}
  ConstTensorView(const TensorView& view)  // NOLINT(google-explicit-constructor): a view is a view
      : ConstTensorView(view.data, view.shape, view.dtype) {}

  template <class T>
  const T* as() const {
    require(dtype_of<T>);
    return static_cast<const T*>(data);
  }
  ConstTensorView rows(std::int64_t first, std::int64_t count) const {
    return TensorView(const_cast<void*>(data), shape, dtype).rows(first, count);
  }
  ConstTensorView reshaped(Shape other) const {
    return TensorView(const_cast<void*>(data), shape, dtype).reshaped(other);
  }
};

}  // namespace dcgan
