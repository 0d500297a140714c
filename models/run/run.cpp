#include "models/run/run.h"

#include "models/networks/state_dict.h"
#include "models/run/hooks/checkpoint.h"
#include "models/run/hooks/data.h"
#include "models/run/hooks/divergence.h"
#include "models/run/hooks/equilibrium.h"
#include "models/run/hooks/follower.h"
#include "models/run/hooks/metrics.h"
#include "models/run/hooks/replicas.h"
#include "models/run/hooks/samples.h"
#include "models/run/option_defaults.h"
#include "models/run/rank_check.h"
#include "models/run/summary.h"
#include "runtime/io/files.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

// config.json, which must give the same options when it is read.
std::string config_text(const RunOptions& options) {
  std::string text = to_json(resolved(options));
  RunOptions read;
  apply_json(read, text, "config.json");
  DCGAN_CHECK(to_json(read) == text, "config.json: the options are read as others");
  return text;
}

// What a run does besides its steps, in this order; at the end in the reverse order.
// Rank 0 writes; the others do nothing at the same steps.
Hooks make_hooks(const Context& context, Communicator& ranks, const RunOptions& options,
                 const TrainingConfig& config, const Dataset& dataset) {
  const fs::path out = options.out;
  const bool writes = ranks.rank() == 0;
  const auto follow = [](auto need) { return std::make_unique<FollowerHook>(need); };
  Hooks hooks;
  hooks.push_back(std::make_unique<DataHook>(
      dataset, options.allow_data_change ? DataChange::allowed : DataChange::refused));
  hooks.push_back(std::make_unique<DivergenceHook>());
  if (writes) {
    hooks.push_back(std::make_unique<MetricsHook>(out, options.log_every));
  } else {
    hooks.push_back(follow([every = options.log_every](std::int64_t step) {
      return MetricsHook::need_of(step, every);
    }));
  }
  hooks.push_back(std::make_unique<EquilibriumHook>(EquilibriumOptions{
      options.stop_at_equilibrium, options.equilibrium_margin, options.equilibrium_steps}));
  if (ranks.size() > 1) {
    hooks.push_back(std::make_unique<ReplicasHook>(ranks, options.checkpoint_every));
  }
  if (!writes) {
    hooks.push_back(follow([every = options.sample_every](std::int64_t step) {
      return SamplesHook::need_of(step, every);
    }));
    return hooks;
  }
  hooks.push_back(std::make_unique<SamplesHook>(
      context, config, dataset, SamplesOptions{out, options.sample_every, options.sample_count}));
  hooks.push_back(std::make_unique<CheckpointHook>(
      CheckpointOptions{out, config_text(options), options.checkpoint_every, options.keep}));
  return hooks;
}

struct InitialWeights {
  std::string generator;  // a file; empty: fresh weights
  std::string discriminator;
};

InitialWeights initial_weights(const RunOptions& options) {
  if (options.init_from.empty()) return {options.init_generator, options.init_discriminator};
  const fs::path from = options.init_from;
  return {(from / "generator.safetensors").string(), (from / "discriminator.safetensors").string()};
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
    : context_(context), ranks_(communicator), options_(options), dataset_(dataset) {
  config.loader.shard = shard_of(communicator);
  // The step reserves what the hooks will allocate. The images come last: --image-memory auto puts
  // them on the device when they fit into what is left.
  StepOptions step;
  if (ranks_.rank() == 0) {
    step.reserve_bytes = SamplesHook::device_bytes(context, config.training, options.sample_count);
  }
  engine_.emplace(context, communicator, config.training, step);
  hooks_ = make_hooks(context, communicator, options, config.training, dataset);
  const InitialWeights initial = initial_weights(options);
  load_weights(context, initial.generator, engine_->generator());
  load_weights(context, initial.discriminator, engine_->discriminator());
  loader_.emplace(context, dataset, config.loader);
  engine_->set_images(*loader_);
  const Schedule schedule{options.epochs, options.steps, loader_->batches_per_epoch(),
                          options.d_steps};
  trainer_.emplace(context, communicator, *engine_, hooks_,
                   TrainerOptions{schedule, options.max_seconds});
  if (ranks_.rank() == 0) require_writable_folder(options.out);
}

TrainingOutcome TrainingRun::run(TrainingObserver& observer, const std::atomic<bool>& stop) {
  if (ranks_.rank() != 0) return train(observer, stop);
  remove_summary(options_.out);
  try {
    TrainingOutcome outcome = train(observer, stop);
    write_summary(options_.out, summary_of(outcome, trainer_->report()));
    return outcome;
  } catch (const Error& error) {
    try {
      write_summary(options_.out, summary_of(error, trainer_->report(), trainer_->checkpoint()));
    } catch (
        const Error&) {  // a full disk, perhaps: the error that ended the run is the one to tell
    }
    throw;
  }
}

TrainingOutcome TrainingRun::train(TrainingObserver& observer, const std::atomic<bool>& stop) {
  if (ranks_.size() > 1) {
    const std::string weights =
        weights_hash(context_, engine_->generator(), engine_->discriminator());
    require_same_facts(context_, ranks_, rank_facts(options_, dataset_, trainer_->step(), weights));
  }
  return trainer_->run(observer, stop);
}

void TrainingRun::resume(const fs::path& checkpoint) {
  const fs::path own = fs::path(options_.out) / "checkpoints";
  const bool continues = fs::exists(own) && fs::equivalent(checkpoint.parent_path(), own);
  trainer_->resume(checkpoint, continues ? OutputFolder::continued : OutputFolder::fresh);
}

}  // namespace dcgan
