#include "apps/generator_arguments.h"

#include <fmt/format.h>

#include "apps/help_formatter.h"
#include "models/run/run_config.h"

namespace dcgan {
namespace {

SavedModel saved_model(const RunOptions& options) {
  return {model_config(options), options.latent, options.precision};
}

}  // namespace

GeneratorArguments::GeneratorArguments(CLI::App& app) : flags_(app, {"Network"}) {
  CLI::Option* checkpoint = app.add_option(
      "--checkpoint", where_, "checkpoint, or an output folder: its newest checkpoint");
  checkpoint->type_name("PATH");
  app.add_option("--generator,--netG", generator_,
                 "generator weights (safetensors, PyTorch's names) instead of a checkpoint; "
                 "describe the network with the options below")
      ->type_name("PATH")
      ->excludes(checkpoint);
}

SavedGenerator GeneratorArguments::find() const {
  if (where_.empty() && generator_.empty()) {
    fail(ErrorKind::usage, "--checkpoint or --generator is required");
  }
  if (where_.empty()) return {{}, generator_, saved_model(flags_.effective())};
  SavedGenerator found = find_saved_generator(where_, print_warning);
  // Not on top of found.model: a preset given here keeps the widths that the run was given.
  found.model = saved_model(flags_.effective(checkpoint_options(found.checkpoint)));
  return found;
}

RandomKey sample_key(std::int64_t seed) {
  if (seed < 0) fail(ErrorKind::config, "--seed: {} is negative", seed);
  return {static_cast<std::uint64_t>(seed), RandomStream::sample};
}

void add_device_options(CLI::App& app, std::string& device, std::int64_t& threads) {
  app.add_option("--device", device, "device to compute on; auto: the first GPU, else the CPU")
      ->type_name(kDevicePlaceholder)
      ->capture_default_str();
  app.add_option("--threads", threads, "CPU threads")->type_name("N")->default_str("one per core");
}

void print_warning(const std::string& message) { fmt::print(stderr, "warning: {}\n", message); }

}  // namespace dcgan
