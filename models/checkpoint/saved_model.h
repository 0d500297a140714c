// What a checkpoint's networks are, read from its config.json.
#pragma once

#include <filesystem>

#include "kernels/input/latent.h"
#include "models/networks/model_config.h"
#include "models/networks/precision.h"

namespace dcgan {

struct SavedModel {
  ModelConfig model;
  LatentDistribution latent = LatentDistribution::normal;
  Precision precision = Precision::fp32;  ///< in which it was trained
};

/// Reads the keys preset, image-size, channels, nz, ngf, ndf (0: the preset's), latent and
/// precision; other keys are not looked at. Throws Error(io) without the file, Error(bad_data)
/// naming file and key when one is missing, of another type or without meaning.
SavedModel read_saved_model(const std::filesystem::path& checkpoint);

}  // namespace dcgan
