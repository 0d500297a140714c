#include "models/networks/model_config.h"

#include <bit>

#include "runtime/base/errors.h"
#include "runtime/base/printable.h"

namespace dcgan {

const std::vector<Preset>& presets() {
  using enum NetworkFamily;
  static const std::vector<Preset> kPresets = {
      {"pytorch", "pytorch/examples/dcgan: 64 px RGB", {dcgan, 64, 3, 100, 64, 64}},
      {"libtorch", "libtorch C++ tutorial: 28 px grey (MNIST)", {libtorch, 28, 1, 100, 64, 64}},
      {"mnist32", "the pytorch network one stage shorter: 32 px grey", {dcgan, 32, 1, 100, 64, 64}},
      {"cifar32", "the pytorch network one stage shorter: 32 px RGB", {dcgan, 32, 3, 100, 64, 64}},
      {"paper", "Radford et al.: 1024-512-256-128, 64 px RGB", {dcgan, 64, 3, 100, 128, 128}},
  };
  return kPresets;
}

std::string preset_names(std::string_view separator) {
  std::string names;
  for (const Preset& preset : presets()) {
    if (!names.empty()) names += separator;
    names += preset.name;
  }
  return names;
}

const Preset& preset_named(std::string_view name) {
  for (const Preset& preset : presets()) {
    if (preset.name == name) return preset;
  }
  fail(ErrorKind::config, "preset: there is no '{}' (there are {})", printable(name, kMostShown),
       preset_names());
}

ModelConfig model_config(const ModelOptions& options) {
  ModelConfig model = preset_named(options.preset).model;
  const auto override_with = [](std::int64_t value, std::int64_t& field) {
    if (value != 0) field = value;
  };
  override_with(options.image_size, model.image_size);
  override_with(options.channels, model.channels);
  override_with(options.nz, model.nz);
  override_with(options.ngf, model.ngf);
  override_with(options.ndf, model.ndf);
  require_valid(model);
  return model;
}

void require_valid(const ModelConfig& model) {
  if (model.channels != 1 && model.channels != 3) {
    fail(ErrorKind::config, "channels: {} is neither 1 nor 3", model.channels);
  }
  if (model.nz < 1 || model.ngf < 1 || model.ndf < 1) {
    fail(ErrorKind::config, "nz {}, ngf {} and ndf {} must be at least 1", model.nz, model.ngf,
         model.ndf);
  }
  constexpr std::int64_t kWidest = 65536;  // times the deepest block's factor, still an int
  if (model.nz > kWidest || model.ngf > kWidest || model.ndf > kWidest) {
    fail(ErrorKind::config, "nz {}, ngf {} and ndf {} must be at most {}", model.nz, model.ngf,
         model.ndf, kWidest);
  }
  if (model.family == NetworkFamily::libtorch) {
    if (model.image_size != 28) {
      fail(ErrorKind::config, "image-size: the libtorch network makes 28 px images, not {}",
           model.image_size);
    }
    return;
  }
  const bool power_of_two =
      model.image_size > 0 && std::has_single_bit(static_cast<std::uint64_t>(model.image_size));
  if (!power_of_two || model.image_size < 32 || model.image_size > 256) {
    fail(ErrorKind::config,
         "image-size: {} is not a power of two from 32 to 256 (28: --preset libtorch)",
         model.image_size);
  }
}

}  // namespace dcgan
