#include "apps/generator_arguments.h"

#include "apps/messages.h"
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

}  // namespace dcgan
