#include "models/training/training_config.h"

#include "runtime/base/errors.h"

namespace dcgan {

void require_valid(const TrainingConfig& config) {
  require_valid(config.model);
  if (config.batch < 1 || config.discriminator_steps < 1) {
    fail(ErrorKind::config, "training: batch {} and discriminator steps {} must be at least 1",
         config.batch, config.discriminator_steps);
  }
  require_valid(config.loss);
  if (config.generator.kind != config.discriminator.kind) {
    fail(ErrorKind::config, "training: the generator's optimiser is {}, the discriminator's {}",
         enum_name(config.generator.kind), enum_name(config.discriminator.kind));
  }
  coefficients_of(config.generator);  // each throws on what is out of its range
  coefficients_of(config.discriminator);
  const DType travelling = config.ranks.gradient_dtype;
  if (travelling != DType::f32 && travelling != DType::bf16) {
    fail(ErrorKind::config, "training: gradients cannot travel as {}", name_of(travelling));
  }
  if (config.ranks.bucket_bytes < 0) {
    fail(ErrorKind::config, "training: buckets of {} bytes", config.ranks.bucket_bytes);
  }
}

}  // namespace dcgan
