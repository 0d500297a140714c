// An engine with its loader, as a run makes them from options: for tests that train.
#pragma once

#include "models/data/loader.h"
#include "models/run/run_config.h"
#include "models/training/engine.h"
#include "runtime/comm/local_communicator.h"

namespace dcgan::test {

class EngineRig {
 public:
  /// Context and data set must outlive the rig.
  EngineRig(const Context& context, const RunOptions& options, const Dataset& dataset)
      : config_(run_config(options)),
        engine(context, communicator, config_.training),
        loader(context, dataset, config_.loader) {
    engine.set_images(loader);
  }

 private:
  RunConfig config_;

 public:
  LocalCommunicator communicator;
  TrainingEngine engine;
  Loader loader;
};

}  // namespace dcgan::test
