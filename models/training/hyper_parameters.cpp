#include "models/training/hyper_parameters.h"

namespace dcgan {
namespace {

ConstTensorView bytes_at(const TensorView& memory, std::size_t offset, std::size_t bytes) {
  return {static_cast<const std::byte*>(memory.data) + offset,
          {static_cast<std::int64_t>(bytes)},
          DType::u8};
}

}  // namespace

HyperParameters hyper_parameters_of(const TrainingConfig& config) {
  return {config.generator, config.discriminator, config.loss.real_label, config.loss.fake_label};
}

DeviceHyperParameters to_device(const HyperParameters& values) {
  return {coefficients_of(values.generator),
          coefficients_of(values.discriminator),
          {values.real_label, values.fake_label}};
}

ConstTensorView generator_coefficients(const TensorView& memory) {
  return bytes_at(memory, offsetof(DeviceHyperParameters, generator),
                  sizeof(OptimizerCoefficients));
}

ConstTensorView discriminator_coefficients(const TensorView& memory) {
  return bytes_at(memory, offsetof(DeviceHyperParameters, discriminator),
                  sizeof(OptimizerCoefficients));
}

ConstTensorView labels(const TensorView& memory) {
  const auto* at =
      static_cast<const std::byte*>(memory.data) + offsetof(DeviceHyperParameters, labels);
  return {at, {2}, DType::f32};
}

}  // namespace dcgan
