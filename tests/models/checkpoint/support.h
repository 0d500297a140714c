// Two small networks and their checkpoints.
#pragma once

#include "models/checkpoint/checkpoint.h"
#include "models/checkpoint/training_state.h"
#include "tests/models/support.h"

namespace dcgan::test {

struct Pair {
  explicit Pair(const Context& context, const RunOptions& options)
      : config(run_config(options).training),
        generator(context, generator_blocks(config.model)),
        discriminator(context, discriminator_blocks(config.model)) {
    for (Network* network : {&generator, &discriminator}) {
      network->parameters().make_training_arrays(context);
    }
    generator.parameters().initialize(context, {7, RandomStream::generator_init});
    discriminator.parameters().initialize(context, {7, RandomStream::discriminator_init});
  }
  TrainingConfig config;
  Network generator;
  Network discriminator;
};

inline std::filesystem::path save(const Context& context, const std::filesystem::path& out,
                                  const Pair& pair, const TrainingState& state,
                                  std::int64_t keep = 0) {
  const std::string config = "{}\n";
  return save_checkpoint(
      context, out,
      {pair.generator, pair.discriminator, pair.config.generator.kind, config, state, {}}, keep);
}

inline std::filesystem::path save(const Context& context, const std::filesystem::path& out,
                                  const Pair& pair, std::int64_t step, std::int64_t keep = 0) {
  TrainingState state;
  state.step = step;
  return save(context, out, pair, state, keep);
}

}  // namespace dcgan::test
