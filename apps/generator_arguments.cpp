#include "apps/generator_arguments.h"

#include "apps/messages.h"
#include "models/run/run_config.h"

namespace dcgan {
namespace {

SavedModel saved_model(const RunOptions& options) {
  return {model_config(options), options.latent, options.precision};
}

// `weights`: ema, live or empty. find_saved_generator() has taken the average where there is one.
void choose_weights(const std::string& weights, SavedGenerator& found) {
  const std::filesystem::path live = found.checkpoint / "generator.safetensors";
  if (weights == "live") found.weights = live;
  const bool is_average = found.weights != live;
  if (weights == "ema" && !is_average) {
    fail(ErrorKind::config, "--weights ema: {} has no average; its run had no --ema-decay",
         found.checkpoint.string());
  }
  print_message("generator: {} weights of {}", is_average ? "averaged" : "live",
                found.checkpoint.string());
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
  app.add_option("--weights", weights_,
                 "of a checkpoint: the moving average of the weights or the "
                 "weights themselves")
      ->type_name("{ema,live}")
      ->default_str("ema where there is an average")
      ->check(CLI::IsMember({"ema", "live"}).description(""));
}

SavedGenerator GeneratorArguments::find() const {
  if (where_.empty() && generator_.empty()) {
    fail(ErrorKind::usage, "--checkpoint or --generator is required");
  }
  if (where_.empty()) {
    if (!weights_.empty()) {
      fail(ErrorKind::usage, "--weights {}: is for --checkpoint; --generator names the file itself",
           weights_);
    }
    return {{}, generator_, saved_model(flags_.effective())};
  }
  SavedGenerator found = find_saved_generator(where_, print_warning);
  // Not on top of found.model: a preset given here keeps the widths that the run was given.
  found.model = saved_model(flags_.effective(checkpoint_options(found.checkpoint)));
  choose_weights(weights_, found);
  return found;
}

RandomKey sample_key(std::int64_t seed) {
  if (seed < 0) fail(ErrorKind::config, "--seed: {} is negative", seed);
  return {static_cast<std::uint64_t>(seed), RandomStream::sample};
}

}  // namespace dcgan
