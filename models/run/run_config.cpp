#include "models/run/run_config.h"

#include "models/checkpoint/checkpoint.h"
#include "models/run/option_defaults.h"

namespace dcgan {
namespace {

OptimizerOptions common_optimizer(const RunOptions& o, double lr) {
  OptimizerOptions result;
  result.kind = o.optimizer;
  result.learning_rate = static_cast<float>(lr > 0 ? lr : o.lr);
  result.beta1 = o.beta1;
  result.beta2 = o.beta2;
  result.alpha = o.alpha;
  result.epsilon = static_cast<float>(o.epsilon);
  return result;
}

OptimizerOptions generator_optimizer(const RunOptions& o) {
  OptimizerOptions result = common_optimizer(o, o.lr_g);
  result.ema_decay = o.ema_decay;
  return result;
}

OptimizerOptions discriminator_optimizer(const RunOptions& o) {
  OptimizerOptions result = common_optimizer(o, o.lr_d);
  result.weight_clip = static_cast<float>(o.weight_clip);
  return result;
}

RanksConfig ranks_config(const RunOptions& o) {
  RanksConfig result;
  if (o.sync_batch_norm) result.norm_statistics = NormStatistics::exchanged;
  result.gradient_dtype = o.grad_dtype == GradientType::bf16 ? DType::bf16 : DType::f32;
  result.bucket_bytes = static_cast<std::int64_t>(o.bucket_mb * 1e6);
  return result;
}

TrainingConfig training_config(const RunOptions& o, const ModelConfig& model) {
  TrainingConfig result;
  result.model = model;
  result.batch = o.batch_size;
  result.discriminator_steps = o.d_steps;
  result.loss = {o.loss, static_cast<float>(o.real_label), static_cast<float>(o.fake_label)};
  result.generator = generator_optimizer(o);
  result.discriminator = discriminator_optimizer(o);
  result.latent = o.latent;
  result.seed = static_cast<std::uint64_t>(o.seed);
  result.precision = o.precision;
  result.tuning = o.tune;
  result.overlap = o.overlap;
  result.ranks = ranks_config(o);
  return result;
}

LoaderOptions loader_options(const RunOptions& o) {
  LoaderOptions result;
  result.batch = o.batch_size;
  result.seed = static_cast<std::uint64_t>(o.seed);
  result.flip = o.flip;
  result.updates_per_step = o.d_steps;
  result.memory = o.image_memory;
  return result;
}

DatasetOptions dataset_options(const RunOptions& o, const ModelConfig& model) {
  DatasetOptions result;
  result.kind = o.dataset;
  result.path = o.data;
  result.image_size = static_cast<int>(model.image_size);
  result.channels = static_cast<int>(model.channels);
  result.count = o.strokes_count;
  result.seed = static_cast<std::uint64_t>(o.seed);
  result.on_corrupt = o.on_corrupt;
  if (o.strict) result.left_out = LeftOutPolicy::refused;
  result.run_folder = o.out;
  result.cache = o.cache;
  result.workers = static_cast<int>(o.workers);
  result.classes = o.classes;
  return result;
}

}  // namespace

RunConfig run_config(const RunOptions& options) {
  const ModelConfig model = model_config(options);
  require_valid(options);
  return {training_config(options, model), loader_options(options),
          dataset_options(options, model)};
}

ModelConfig model_config(const RunOptions& options) {
  return model_config(ModelOptions{preset_of(options), options.image_size, options.channels,
                                   options.nz, options.ngf, options.ndf});
}

RunOptions checkpoint_options(const std::filesystem::path& checkpoint) {
  return read_checkpoint_config(checkpoint, [](const std::string& text, const std::string& path) {
    RunOptions options;
    apply_json(options, text, path);
    return options;
  });
}

}  // namespace dcgan
