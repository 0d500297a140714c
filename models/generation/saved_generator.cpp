#include "models/generation/saved_generator.h"

#include <fmt/format.h>

#include "models/networks/state_dict.h"

namespace dcgan {
namespace {

// Planning allocates nothing, so that "unavailable" says of the precision and not of the memory.
Precision computable(const Context& context, const std::vector<BlockSpec>& blocks,
                     const GeneratorOptions& options, const Warn& warn) {
  if (options.precision == Precision::fp32) return Precision::fp32;
  try {
    generator_memory_plan(context, blocks, options);
    return options.precision;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unavailable) throw;
    warn(fmt::format("generator: computed in fp32 instead of {} ({})", enum_name(options.precision),
                     error.what()));
    return Precision::fp32;
  }
}

}  // namespace

SavedGenerator find_saved_generator(const std::filesystem::path& where, const Warn& warn) {
  const std::filesystem::path checkpoint = find_checkpoint(where, warn);
  return {checkpoint, generator_file(checkpoint), read_saved_model(checkpoint)};
}

GeneratorOptions loading_options(const Context& context, const SavedGenerator& saved,
                                 std::int64_t batch, const Warn& warn) {
  GeneratorOptions options{batch, saved.model.precision};
  options.precision = computable(context, generator_blocks(saved.model.model), options, warn);
  return options;
}

Generator load_generator(const Context& context, const SavedGenerator& saved, std::int64_t batch,
                         const Warn& warn) {
  require_valid(saved.model.model);
  return load_generator(context, saved, loading_options(context, saved, batch, warn));
}

Generator load_generator(const Context& context, const SavedGenerator& saved,
                         const GeneratorOptions& options) {
  const SafetensorsFile file(saved.weights);
  Generator generator(context, generator_blocks(saved.model.model), options);
  generator.change_weights(context,
                           [&](Network& network) { load_state_dict(context, file, network); });
  return generator;
}

}  // namespace dcgan
