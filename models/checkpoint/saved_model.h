// What config.json of a checkpoint says of the model, for programs that make images with it.
#pragma once

#include <filesystem>

#include "kernels/input/latent.h"
#include "models/networks/model_config.h"
#include "models/networks/precision.h"

namespace dcgan {

struct SavedModel {
  ModelConfig model;  ///< checked
  LatentDistribution latent = LatentDistribution::normal;
  Precision precision = Precision::fp32;  ///< in which it was trained
};

/// Reads config.json of a checkpoint (find_checkpoint() finds one). Throws Error(io) when it cannot
/// be read, Error(bad_data) naming the file when a value has another type, and Error(config) when
/// there is no such model.
SavedModel read_saved_model(const std::filesystem::path& checkpoint);

}  // namespace dcgan
