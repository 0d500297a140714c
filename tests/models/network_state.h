// Everything that makes two networks the same, as bytes.
#pragma once

#include <vector>

#include "models/networks/network.h"

namespace dcgan::test {

/// Bytes of a view, on the host.
inline std::vector<std::byte> bytes_of(const Context& context, const TensorView& view) {
  std::vector<std::byte> bytes(view.bytes());
  download(context, view, TensorView(bytes.data(), view.shape, view.dtype));
  return bytes;
}

/// Weights, moments, running statistics and the average.
inline std::vector<std::byte> state_of(const Context& context, const Network& network) {
  std::vector<std::byte> all;
  const auto append = [&](const TensorView& view) {
    const std::vector<std::byte> bytes = bytes_of(context, view);
    all.insert(all.end(), bytes.begin(), bytes.end());
  };
  const Parameters& parameters = network.parameters();
  append(parameters.flat(ParameterArray::values));
  append(parameters.flat(ParameterArray::first_moment));
  append(parameters.flat(ParameterArray::second_moment));
  if (parameters.has_ema()) append(parameters.flat(ParameterArray::ema));
  append(parameters.step());
  for (const RunningInfo& info : parameters.running_infos()) {
    append(parameters.running(info.mean));
    append(parameters.running(info.var));
    append(parameters.running(info.batches_tracked));
  }
  return all;
}

}  // namespace dcgan::test
