#include "models/checkpoint/saved_model.h"

#include <fmt/format.h>

#include "models/checkpoint/checkpoint.h"
#include "models/checkpoint/config_json.h"

namespace dcgan {
namespace {

struct ConfiguredModel {
  ModelOptions model;
  LatentDistribution latent = LatentDistribution::normal;
  Precision precision = Precision::fp32;
};

ConfiguredModel from_text(const std::string& text, const std::string& source) {
  const config_json::Json json = config_json::parse(text, source);
  ConfiguredModel result;
  const auto read = [&](const char* option, auto& value) {
    const auto found = json.find(option);
    if (found == json.end()) return;
    try {
      config_json::from_json(option, *found, value);
    } catch (const Error& error) {
      fail(ErrorKind::config, "{}: {}", source, error.what());
    }
  };
  read("preset", result.model.preset);
  read("image-size", result.model.image_size);
  read("channels", result.model.channels);
  read("nz", result.model.nz);
  read("ngf", result.model.ngf);
  read("ndf", result.model.ndf);
  read("latent", result.latent);
  read("precision", result.precision);
  return result;
}

}  // namespace

SavedModel read_saved_model(const std::filesystem::path& checkpoint) {
  const ConfiguredModel configured = read_checkpoint_config(checkpoint, from_text);
  return {model_config(configured.model), configured.latent, configured.precision};
}

}  // namespace dcgan
