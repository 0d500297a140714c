// Small runs for the tests of the models.
#pragma once

#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <vector>

#include "models/data/dataset.h"
#include "models/networks/network.h"
#include "models/run/run_options.h"
#include "tests/support/catch.h"
#include "tests/support/devices.h"
#include "tests/support/temporary_folder.h"

namespace dcgan::test {

/// A network small enough for a test: 32 px grey, a few channels.
inline RunOptions tiny_options() {
  RunOptions options;
  options.preset = "mnist32";
  options.nz = 6;
  options.ngf = 4;
  options.ndf = 4;
  options.batch_size = 4;
  options.strokes_count = 22;  // not a multiple of the batch: epochs end in the middle
  options.sample_count = 5;
  options.device = {DeviceRequest::Kind::cpu};
  options.log_every = 1;
  options.epochs = 0;
  options.sample_every = 0;
  options.checkpoint_every = 0;
  return options;
}

/// Bytes of a view, on the host.
inline std::vector<std::byte> bytes_of(const Context& context, const TensorView& view) {
  std::vector<std::byte> bytes(view.bytes());
  download(context, view, TensorView(bytes.data(), view.shape, view.dtype));
  return bytes;
}

/// Everything that makes two networks the same: weights, moments and running statistics.
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
