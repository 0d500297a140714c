// What may change between two steps without planning or capturing anything again: the kernels read
// it from device memory.
#pragma once

#include <cstddef>

#include "models/training/training_config.h"
#include "runtime/device/memory.h"

namespace dcgan {

struct HyperParameters {
  OptimizerOptions generator;
  OptimizerOptions discriminator;
  float real_label = 1.0f;
  float fake_label = 0.0f;
};

HyperParameters hyper_parameters_of(const TrainingConfig& config);

/// The same as the kernels read it.
struct DeviceHyperParameters {
  OptimizerCoefficients generator;
  OptimizerCoefficients discriminator;
  float labels[2];  ///< of real and of fake images

  static constexpr std::size_t kBytes = sizeof(OptimizerCoefficients) * 2 + sizeof(float) * 2;
};
static_assert(sizeof(DeviceHyperParameters) == DeviceHyperParameters::kBytes);

/// Throws Error(config) naming what is out of its range.
DeviceHyperParameters to_device(const HyperParameters& values);

/// Views into a DeviceHyperParameters that lies in device memory as u8.
ConstTensorView generator_coefficients(const TensorView& memory);
ConstTensorView discriminator_coefficients(const TensorView& memory);
ConstTensorView labels(const TensorView& memory);  ///< (2) f32

}  // namespace dcgan
