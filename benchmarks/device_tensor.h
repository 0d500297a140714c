// Tensors on a device for benchmarks, filled from the host.
#pragma once

#include "runtime/device/memory.h"
#include "tests/reference/values.h"

namespace dcgan::benchmarks {

using reference::Values;

class DeviceTensor {
 public:
  DeviceTensor() = default;
  DeviceTensor(const Context& context, Shape shape, DType dtype);           ///< zeros
  DeviceTensor(const Context& context, const Values& values, DType dtype);  ///< exactly these

  /// The first values of a short normal sequence, over and over: arithmetic and memory do not tell
  /// it from fresh numbers, and the host does not draw 10^8 of them.
  static DeviceTensor random(const Context& context, Shape shape, DType dtype, double sigma = 1.0,
                             double mean = 0.0);
  static DeviceTensor constant(const Context& context, Shape shape, DType dtype, double value);

  TensorView view() const { return view_; }
  Values read(const Context& context) const;

 private:
  Buffer buffer_;
  TensorView view_;
};

}  // namespace dcgan::benchmarks
