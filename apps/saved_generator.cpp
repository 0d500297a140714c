#include "apps/saved_generator.h"

#include <fmt/format.h>

#include "apps/help_formatter.h"
#include "models/checkpoint/checkpoint.h"
#include "models/networks/state_dict.h"

namespace dcgan {

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

std::string GeneratorArguments::checkpoint() const {
  return find_checkpoint(
             where_,
             [](const std::string& message) { fmt::print(stderr, "warning: {}\n", message); })
      .string();
}

RunOptions GeneratorArguments::options() const {
  if (where_.empty() && generator_.empty()) {
    fail(ErrorKind::usage, "--checkpoint or --generator is required");
  }
  return flags_.effective(where_.empty() ? RunOptions{} : checkpoint_options(checkpoint()));
}

Generator GeneratorArguments::open(const Context& context, const RunOptions& options,
                                   std::int64_t batch) const {
  const SafetensorsFile file(where_.empty() ? generator_ : generator_file(checkpoint()).string());
  Generator sampler(context, generator_blocks(model_config(options)), batch);
  load_state_dict(context, file, sampler.network());
  return sampler;
}

void add_device_options(CLI::App& app, std::string& device, std::int64_t& threads) {
  app.add_option("--device", device, "device to compute on; auto: the first GPU, else the CPU")
      ->type_name(kDevicePlaceholder)
      ->capture_default_str();
  app.add_option("--threads", threads, "CPU threads")->type_name("N")->default_str("one per core");
}

HostTensor latent_for_seed(const RunOptions& options, std::int64_t seed, std::int64_t count) {
  if (seed < 0) fail(ErrorKind::config, "--seed: {} is negative", seed);
  return draw_host_latent({static_cast<std::uint64_t>(seed), RandomStream::sample}, count,
                          model_config(options).nz, options.latent);
}

}  // namespace dcgan
