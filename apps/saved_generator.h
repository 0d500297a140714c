// A generator from a checkpoint, or from a bare safetensors file (PyTorch's or ours).
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "apps/run_option_flags.h"
#include "models/generation/generator.h"

namespace dcgan {

/// The options that say which generator; shared by sample and interpolate.
class GeneratorArguments {
 public:
  explicit GeneratorArguments(CLI::App& app);

  /// Options of the run that made it (or those of the command line, for a bare file).
  RunOptions options() const;
  /// Loads it. `batch` images are computed at a time.
  Generator open(const Context& context, const RunOptions& options, std::int64_t batch) const;

 private:
  std::string file(const std::string& checkpoint) const;
  std::string checkpoint() const;

  std::string where_;
  std::string generator_;
  RunOptionFlags flags_;
};

/// Adds --device and --threads.
void add_device_options(CLI::App& app, std::string& device, std::int64_t& threads);

/// The first seed's latent vectors for `sample` and `interpolate`: row i depends on (seed, i)
/// alone.
HostTensor latent_for_seed(const RunOptions& options, std::int64_t seed, std::int64_t count);

}  // namespace dcgan
