#include "models/run/hooks/samples.h"

#include <fmt/format.h>

#include <algorithm>

#include "models/generation/grid.h"
#include "models/generation/latent_vectors.h"
#include "runtime/io/image/image.h"

namespace dcgan {
namespace {

// Small batches keep the generator's memory small beside the step's.
constexpr std::int64_t kMaxBatch = 64;

GeneratorOptions generator_options(const TrainingConfig& config, std::int64_t count) {
  return {std::min(count, kMaxBatch), config.precision};
}

// 1, 2 or 5 times a power of ten.
bool is_round(std::int64_t step) {
  while (step > 0 && step % 10 == 0) step /= 10;
  return step == 1 || step == 2 || step == 5;
}

}  // namespace

Need SamplesHook::need_of(std::int64_t step, std::int64_t every) {
  const bool early = step < every && is_round(step);
  return early || is_due(step, every) ? Need::pause : Need::nothing;
}

std::size_t SamplesHook::device_bytes(const Context& context, const TrainingConfig& config,
                                      std::int64_t count) {
  const std::vector<BlockSpec> blocks = generator_blocks(config.model);
  return generator_memory_plan(context, blocks, generator_options(config, count)).bytes() +
         static_cast<std::size_t>(parameter_count(blocks)) * sizeof(float);
}

SamplesHook::SamplesHook(const Context& context, const TrainingConfig& config,
                         const Dataset& dataset, SamplesOptions options)
    : options_(std::move(options)),
      dataset_(dataset),
      generator_(context, generator_blocks(config.model),
                 generator_options(config, options_.count)),
      latent_(latent_for_seed({config.seed, RandomStream::fixed_latent}, options_.count,
                              config.model.nz, config.latent)) {}

void SamplesHook::begin(HookContext& run) {
  std::filesystem::create_directories(options_.out / "samples");
  const std::filesystem::path path = options_.out / "real.png";
  if (run.folder == OutputFolder::continued && std::filesystem::exists(path)) return;
  const std::int64_t count = std::min(options_.count, dataset_.size());
  write_png(path, make_grid(dataset_.images().rows(0, count)));
}

void SamplesHook::on_pause(HookContext& run) {
  write(run, options_.out / "samples" / fmt::format("step_{:08}.png", run.report.step));
}

void SamplesHook::end(HookContext& run, StopReason) { write(run, options_.out / "samples.png"); }

void SamplesHook::write(HookContext& run, const std::filesystem::path& path) {
  const Network& generator = run.engine.generator();
  const bool averaged = generator.parameters().has_ema();
  generator_.copy_weights(run.context, generator,
                          averaged ? ParameterArray::ema : ParameterArray::values);
  write_png(path, make_grid(generator_.sample(run.context, latent_).view()));
  run.observer.on_file(path);
}

}  // namespace dcgan
