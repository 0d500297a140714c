// Tensors on a device for benchmarks, filled from the host.
#pragma once

#include "runtime/device/memory.h"
#include "tests/reference/values.h"

namespace dcgan::benchmarks {

using reference::Values;

/// The first values of a short normal sequence, repeated: drawing 10^8 numbers on the host would
/// take longer than the measurement, and neither arithmetic nor memory depends on the values.
void fill_random(const Context& context, const TensorView& to, double sigma = 1.0,
                 double mean = 0.0);
void fill_constant(const Context& context, const TensorView& to, double value);

class DeviceTensor {
 public:
  DeviceTensor() = default;
  DeviceTensor(const Context& context, Shape shape, DType dtype);           ///< zeros
  DeviceTensor(const Context& context, const Values& values, DType dtype);  ///< exactly these

  /// As fill_random.
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
