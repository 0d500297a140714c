#include "models/run/option_defaults.h"

#include <algorithm>

#include "models/run/run_config.h"

namespace dcgan {

std::string preset_of(const RunOptions& options) {
  if (!options.preset.empty()) return options.preset;
  switch (options.dataset) {
    case DatasetKind::mnist:
      return "mnist32";
    case DatasetKind::cifar10:
    case DatasetKind::cifar100:
      return "cifar32";
    default:
      return "pytorch";
  }
}

RunOptions resolved(RunOptions options) {
  const ModelConfig model = model_config(options);
  options.preset = preset_of(options);
  options.image_size = model.image_size;
  options.channels = model.channels;
  options.nz = model.nz;
  options.ngf = model.ngf;
  options.ndf = model.ndf;
  if (options.lr_g == 0) options.lr_g = options.lr;
  if (options.lr_d == 0) options.lr_d = options.lr;
  return options;
}

void follow_learning_rate(RunOptions& options) {
  if (options.lr_g == options.lr) options.lr_g = 0;
  if (options.lr_d == options.lr) options.lr_d = 0;
}

void replace_limits(const std::vector<std::string>& names, RunOptions& options) {
  const bool epochs = has_name(names, "epochs");
  const bool steps = has_name(names, "steps");
  if (steps && !epochs && options.steps > 0) options.epochs = 0;
  if (epochs && !steps && options.epochs > 0) options.steps = 0;
}

bool has_name(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace dcgan
