#include "models/run/run.h"

#include "models/networks/state_dict.h"
#include "models/run/hooks/checkpoint.h"
#include "models/run/hooks/divergence.h"
#include "models/run/hooks/equilibrium.h"
#include "models/run/hooks/metrics.h"
#include "models/run/hooks/samples.h"
#include "runtime/io/files.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

// What a run does besides its steps, in this order; at the end in the reverse order.
Hooks make_hooks(const Context& context, const RunOptions& options, const TrainingConfig& config,
                 const Dataset& dataset) {
  const fs::path out = options.out;
  Hooks hooks;
  hooks.push_back(std::make_unique<DivergenceHook>());
  hooks.push_back(std::make_unique<MetricsHook>(out, options.log_every));
  hooks.push_back(std::make_unique<EquilibriumHook>(EquilibriumOptions{
      options.stop_at_equilibrium, options.equilibrium_margin, options.equilibrium_steps}));
  hooks.push_back(std::make_unique<SamplesHook>(
      context, config, dataset, SamplesOptions{out, options.sample_every, options.sample_count}));
  hooks.push_back(std::make_unique<CheckpointHook>(
      CheckpointOptions{out, to_json(options), options.checkpoint_every, options.keep}));
  return hooks;
}

void load_weights(const Context& context, const std::string& file, Network& network) {
  if (file.empty()) return;
  load_state_dict(context, SafetensorsFile(file), network);
  // The average begins at the weights.
  if (network.parameters().has_ema()) network.parameters().make_ema(context);
}

}  // namespace

TrainingRun::TrainingRun(const Context& context, Communicator& communicator,
                         const RunOptions& options, RunConfig config, const Dataset& dataset)
    : out_(options.out) {
  config.loader.shard = shard_of(communicator);
  // The step reserves what the hooks will allocate. The images come last: --image-memory auto puts
  // them on the device when they fit into what is left.
  StepOptions step;
  step.reserve_bytes = SamplesHook::device_bytes(context, config.training, options.sample_count);
  engine_.emplace(context, communicator, config.training, step);
  hooks_ = make_hooks(context, options, config.training, dataset);
  load_weights(context, options.init_generator, engine_->generator());
  load_weights(context, options.init_discriminator, engine_->discriminator());
  loader_.emplace(context, dataset, config.loader);
  engine_->set_images(*loader_);
  const Schedule schedule{options.epochs, options.steps, loader_->batches_per_epoch(),
                          options.d_steps};
  trainer_.emplace(context, *engine_, hooks_,
                   TrainerOptions{schedule, options.max_seconds, config.loader.shard});
  require_writable_folder(out_);
}

void TrainingRun::resume(const fs::path& checkpoint) {
  const fs::path own = out_ / "checkpoints";
  const bool continues = fs::exists(own) && fs::equivalent(checkpoint.parent_path(), own);
  trainer_->resume(checkpoint, continues ? OutputFolder::continued : OutputFolder::fresh);
}

}  // namespace dcgan
