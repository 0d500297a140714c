// A short training on the emulated device, for the tests of the whole engine.
#pragma once

#include <vector>

#include "tests/emulator/runtime/simulation.h"
#include "tests/models/engine_rig.h"
#include "tests/models/support.h"

namespace dcgan::test {

inline constexpr Device kGpu{DeviceType::cuda, 0};

/// Options and images of a small run.
struct SmallRun {
  SmallRun() : options(small_options()), dataset(load_dataset(run_config(options).dataset)) {}

  static RunOptions small_options() {
    RunOptions small = tiny_options();
    small.batch_size = 2;
    small.strokes_count = 9;  // 4 batches an epoch, and one image left over
    return small;
  }

  RunOptions options;
  Dataset dataset;
};

/// The networks' whole state, and the last results.
struct Trained {
  std::vector<std::byte> generator;
  std::vector<std::byte> discriminator;
  float errD = 0;
  float errG = 0;
  friend bool operator==(const Trained&, const Trained&) = default;
};

inline Trained result_of(const Context& context, TrainingEngine& engine) {
  const Scalars scalars = engine.step().read_scalars(context);
  return {state_of(context, engine.generator()), state_of(context, engine.discriminator()),
          scalars[Scalar::errD], scalars[Scalar::errG]};
}

/// Trains `steps` from the start. Every loss read in between is a point where the host waits.
inline Trained train(const SmallRun& run, int steps, StepLaunch launch = StepLaunch::graph) {
  const Context context(kGpu);
  EngineRig rig(context, run.options, run.dataset);
  for (int step = 0; step < steps; ++step) rig.engine.train_step(launch);
  return result_of(context, rig.engine);
}

}  // namespace dcgan::test
