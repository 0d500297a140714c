// Small runs for the tests of the models.
#pragma once

#include "models/run/run_config.h"
#include "tests/models/network_state.h"
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
  options.tune = ConvTuning::off;  // the same plans in every engine, chosen in no time
  options.log_every = 1;
  options.epochs = 0;
  options.sample_every = 0;
  options.checkpoint_every = 0;
  return options;
}

}  // namespace dcgan::test
