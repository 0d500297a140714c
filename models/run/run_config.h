// From the options of a run to what the engine, the loader and the data set take. The networks are
// made and checked once; everything else follows from them.
#pragma once

#include <filesystem>

#include "models/data/dataset.h"
#include "models/data/loader.h"
#include "models/run/run_options.h"
#include "models/training/training_config.h"

namespace dcgan {

struct RunConfig {
  TrainingConfig training;  ///< training.model: the networks that the options name
  LoaderOptions loader;
  DatasetOptions dataset;
};

/// Checks the options and maps them. Throws Error(config) naming the option.
RunConfig run_config(const RunOptions& options);

/// The networks alone: the preset with what overrides it. Throws Error(config).
ModelConfig model_config(const RunOptions& options);

/// The options saved in a checkpoint. Throws Error(bad_data) naming its config.json.
RunOptions checkpoint_options(const std::filesystem::path& checkpoint);

}  // namespace dcgan
