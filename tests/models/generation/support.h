// What the tests of generators share.
#pragma once

#include <algorithm>
#include <vector>

#include "models/generation/generator.h"
#include "tests/models/network_state.h"
#include "tests/support/catch.h"
#include "tests/support/devices.h"
#include "tests/support/temporary_folder.h"

namespace dcgan::test {

/// 32 px grey, a few channels, nz 6.
inline constexpr ModelConfig kTinyModel{NetworkFamily::dcgan, 32, 1, 6, 4, 4};

/// Gives it weights, and running statistics that are not the initial ones, so that they matter.
inline void prepare(const Context& context, Network& network) {
  network.parameters().initialize(context, {3, RandomStream::generator_init});
  for (const RunningInfo& info : network.parameters().running_infos()) {
    const TensorView mean = network.parameters().running(info.mean);
    std::vector<float> values(static_cast<std::size_t>(mean.elements()), 0.01f);
    upload(context, ConstTensorView(values.data(), mean.shape), mean);
    std::fill(values.begin(), values.end(), 0.003f);
    upload(context, ConstTensorView(values.data(), mean.shape),
           network.parameters().running(info.var));
  }
}

inline Generator prepared_generator(const Context& context, const GeneratorOptions& options) {
  Generator generator(context, generator_blocks(kTinyModel), options);
  generator.change_weights(context, [&](Network& network) { prepare(context, network); });
  return generator;
}

/// fp32, and bf16 where the device computes in it; says where not.
inline std::vector<Precision> precisions_of(const Context& context) {
  std::vector<Precision> precisions{Precision::fp32};
  try {
    generator_memory_plan(context, generator_blocks(kTinyModel), {1, Precision::bf16});
    precisions.push_back(Precision::bf16);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unavailable) throw;
    WARN("bf16 is skipped: " << error.what());
  }
  return precisions;
}

/// A tensor on a device, every byte 0xA5 at first.
struct DeviceTensor {
  DeviceTensor(const Context& context, Shape shape, DType dtype)
      : buffer(context, std::max<std::size_t>(TensorView(nullptr, shape, dtype).bytes(), 1)),
        view(buffer.data(), shape, dtype) {
    const std::vector<std::byte> filling(view.bytes(), std::byte{0xA5});
    upload(context, ConstTensorView(filling.data(), shape, dtype), view);
  }
  DeviceTensor(const Context& context, const HostTensor& values)
      : DeviceTensor(context, values.shape(), values.dtype()) {
    upload(context, values.view(), view);
  }
  Buffer buffer;
  TensorView view;
};

inline std::vector<std::byte> bytes_of(const HostTensor& tensor) {
  const ConstTensorView view = tensor.view();
  const auto* data = static_cast<const std::byte*>(view.data);
  return {data, data + view.bytes()};
}

}  // namespace dcgan::test
