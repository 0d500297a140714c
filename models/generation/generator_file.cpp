// Which network a bare file of weights holds.
#include <fmt/format.h>

#include "models/generation/saved_generator.h"
#include "runtime/io/safetensors/safetensors.h"

namespace dcgan {
namespace {

constexpr int kModulesOfStage = 3;  // of an nn.Sequential: convolution, norm, activation

/// The extents of a convolution's weights, (in, out, kh, kw).
const std::vector<std::int64_t>& weights_of(const SafetensorsFile& file, const std::string& name) {
  const SafetensorsEntry* entry = file.find(name);
  if (entry == nullptr) {
    fail(ErrorKind::bad_data,
         "{}: no generator that is known: neither \"main.0.weight\" nor \"conv1.weight\" and what "
         "follows it, but {} other tensors; there is no \"{}\"",
         file.path().string(), file.entries().size(), name);
  }
  if (entry->extents.size() != 4) {
    fail(ErrorKind::bad_data, "{}: {} has {} extents, the weights of a convolution 4",
         file.path().string(), name, entry->extents.size());
  }
  return entry->extents;
}

ModelConfig libtorch_model(const SafetensorsFile& file) {
  ModelConfig model = preset_named("libtorch").model;
  const std::vector<std::int64_t>& last = weights_of(file, "conv4.weight");
  model.nz = weights_of(file, "conv1.weight")[0];
  model.ngf = last[0];
  model.channels = last[1];
  return model;
}

/// A stage doubles the image, which begins with 4 pixels; the last one ends in tanh.
ModelConfig sequential_model(const SafetensorsFile& file) {
  const auto name_of_stage = [](int stage) {
    return fmt::format("main.{}.weight", kModulesOfStage * stage);
  };
  ModelConfig model = preset_named("pytorch").model;
  model.nz = weights_of(file, name_of_stage(0))[0];
  int last = 0;
  model.image_size = 4;
  while (model.image_size <= 256 && file.find(name_of_stage(last + 1)) != nullptr) {
    model.image_size *= 2;
    ++last;
  }
  model.ngf = weights_of(file, name_of_stage(last))[0];
  model.channels = weights_of(file, name_of_stage(last))[1];
  return model;
}

}  // namespace

SavedGenerator find_generator_file(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  SavedGenerator saved;
  saved.weights = path;
  saved.model.model =
      file.find("conv1.weight") != nullptr ? libtorch_model(file) : sequential_model(file);
  try {
    require_valid(saved.model.model);
  } catch (const Error& error) {
    fail(ErrorKind::bad_data, "{}: by its shapes: {}", path.string(), error.what());
  }
  return saved;
}

}  // namespace dcgan
