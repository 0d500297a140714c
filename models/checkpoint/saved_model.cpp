#include "models/checkpoint/saved_model.h"

#include <fmt/format.h>

#include "models/checkpoint/checkpoint.h"
#include "models/checkpoint/config_json.h"

namespace dcgan {
namespace {

SavedModel from_json(const config_json::Json& json) {
  const auto read = [&](const char* option, auto& value) {
    const auto found = json.find(option);
    if (found == json.end()) fail(ErrorKind::config, "there is no \"{}\"", option);
    config_json::from_json(option, *found, value);
  };
  ModelOptions model;
  read("preset", model.preset);
  read("image-size", model.image_size);
  read("channels", model.channels);
  read("nz", model.nz);
  read("ngf", model.ngf);
  read("ndf", model.ndf);
  SavedModel saved;
  saved.model = model_config(model);
  read("latent", saved.latent);
  read("precision", saved.precision);
  return saved;
}

}  // namespace

SavedModel read_saved_model(const std::filesystem::path& checkpoint) {
  return read_checkpoint_config(checkpoint, [](const std::string& text, const std::string& path) {
    const config_json::Json json = config_json::parse(text, path);
    try {
      return from_json(json);
    } catch (const Error& error) {
      fail(ErrorKind::bad_data, "{}: {}", path, error.what());
    }
  });
}

}  // namespace dcgan
