// The options that say which generator: shared by sample and interpolate.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "apps/run_option_flags.h"
#include "models/generation/saved_generator.h"

namespace dcgan {

class GeneratorArguments {
 public:
  explicit GeneratorArguments(CLI::App& app);

  /// What the command line names, found and verified; says on standard error which weights. Options
  /// of the command line and of --config override what the checkpoint says of the model; for a bare
  /// file they are all there is.
  SavedGenerator find() const;

 private:
  std::string where_;
  std::string generator_;
  std::string weights_;
  RunOptionFlags flags_;
};

/// Key of the latent vectors of --seed. Throws Error(config) when it is negative.
RandomKey sample_key(std::int64_t seed);

}  // namespace dcgan
