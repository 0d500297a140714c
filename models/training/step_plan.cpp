#include "models/training/step_plan.h"

#include <algorithm>

#include "models/training/hyper_parameters.h"
#include "models/training/scalars.h"
#include "models/training/step_ranks.h"

namespace dcgan {
namespace {

Shape latent_shape_of(const std::vector<BlockSpec>& generator, std::int64_t n) {
  return {n, 1, 1, generator.front().conv.in_channels};
}

Shape image_shape_of(const std::vector<BlockSpec>& generator,
                     const std::vector<BlockSpec>& discriminator, std::int64_t n) {
  const Shape image = block_output_shapes(generator, latent_shape_of(generator, n)).back();
  const std::int64_t channels = discriminator.front().conv.in_channels;
  if (image[3] != channels) {
    fail(ErrorKind::config, "step: the generator makes {} channels, the discriminator reads {}",
         image[3], channels);
  }
  return image;
}

std::int64_t as_extent(std::size_t bytes) { return static_cast<std::int64_t>(bytes); }

}  // namespace

StepPlanOptions step_plan_options(const Context& context, const TrainingConfig& config, int ranks) {
  StepPlanOptions options;
  const bool two_branches = context.is_cuda() && overlaps_branches(config.overlap);
  options.weights = two_branches ? Branch::side : Branch::main;
  if (ranks > 1) options.norm_statistics = config.ranks.norm_statistics;
  return options;
}

StepPlan::StepPlan(const Context& context, const std::vector<BlockSpec>& generator,
                   const std::vector<BlockSpec>& discriminator, const TrainingConfig& config,
                   const StepPlanOptions& plan_options)
    : options(plan_options) {
  const Shape both = image_shape_of(generator, discriminator, 2 * config.batch);
  add_stages(generator, discriminator);
  add_passes(context, generator, discriminator, config);
  add_slots(both, latent_shape_of(generator, config.batch), config);
  memory.assign();
}

// The order of enqueueing: the whole step, by name.
void StepPlan::add_stages(const std::vector<BlockSpec>& generator,
                          const std::vector<BlockSpec>& discriminator) {
  const bool staged = options.image_stage == ImageStageUse::present;
  const bool joins = options.weights == Branch::side;

  at.input = stages.add("input", StageKind::input);
  generating_stages = add_forward_stages(stages, "G", generator);
  if (staged) at.stage_both = stages.add("image stage real+fake", StageKind::image_stage);
  on_both_stages = add_forward_stages(stages, "D(real+fake)", discriminator);
  at.loss_both = stages.add("D loss", StageKind::loss);
  on_both_stages.output_read = at.loss_both;
  add_backward_stages(
      stages, "D(real+fake)", discriminator,
      {BackwardWork::data_and_weights, InputGradient::skip, options.weights, at.loss_both},
      on_both_stages);
  if (joins) stages.join();

  if (staged) at.stage_fake = stages.add("image stage fake", StageKind::image_stage);
  on_fake_stages = add_forward_stages(stages, "D(fake)", discriminator);
  at.loss_fake = stages.add("G loss", StageKind::loss);
  on_fake_stages.output_read = at.loss_fake;
  add_backward_stages(stages, "D(fake)", discriminator,
                      {BackwardWork::data, InputGradient::compute, options.weights, at.loss_fake},
                      on_fake_stages);
  if (staged) at.stage_gradient = stages.add("image stage gradient", StageKind::image_stage);
  const StageId gradient = staged ? at.stage_gradient : on_fake_stages.end;
  add_backward_stages(
      stages, "G", generator,
      {BackwardWork::data_and_weights, InputGradient::skip, options.weights, gradient},
      generating_stages);
  if (joins) stages.join();
}

void StepPlan::add_passes(const Context& context, const std::vector<BlockSpec>& generator,
                          const std::vector<BlockSpec>& discriminator,
                          const TrainingConfig& config) {
  const std::int64_t n = config.batch;
  const DType dtype = config.dtype();
  const ConvPolicy policy = config.conv_policy();
  const NormStatistics norm = options.norm_statistics;
  passes.reserve(3);
  passes.emplace_back(context, generator, memory,
                      PassOptions{"G", latent_shape_of(generator, n), 1, generating_stages, dtype,
                                  /*own_output=*/false, policy, norm});
  passes.emplace_back(context, discriminator, memory,
                      PassOptions{"D(real+fake)", image_shape_of(generator, discriminator, 2 * n),
                                  2, on_both_stages, dtype, /*own_output=*/true, policy, norm});
  passes.emplace_back(context, discriminator, memory,
                      PassOptions{"D(fake)", image_shape_of(generator, discriminator, n), 1,
                                  on_fake_stages, dtype, /*own_output=*/true, policy, norm});
}

void StepPlan::add_slots(const Shape& both, const Shape& latent_shape,
                         const TrainingConfig& config) {
  const std::int64_t n = config.batch;
  const DType dtype = config.dtype();
  images = memory.add("images real+fake", both, dtype);
  if (options.image_stage == ImageStageUse::present) {
    // Read by the first layer's weight gradient, and again behind the second forward().
    staged_images = memory.add("staged images", both, dtype);
    staged_gradient = memory.add("staged images' gradient", both.with_rows(n), dtype,
                                 {on_fake_stages.end, at.stage_gradient});
  }
  latent = memory.add("latent", latent_shape, dtype);
  latent_draws = memory.add("latent draws", {1}, DType::i64);
  real_labels = memory.add("real labels", {n}, DType::f32);
  scalars = memory.add("scalars", {kScalarSlots + kWishes}, DType::f32);
  non_finite = memory.add("non-finite flag", {1}, DType::i32);
  hyper_parameters =
      memory.add("hyper-parameters", {as_extent(sizeof(DeviceHyperParameters))}, DType::u8);
  WorkspaceBytes needed;
  std::int64_t tickets = 1;
  for (const Activations& pass : passes) {
    tickets = std::max(tickets, pass.tickets_needed());
    needed.main = std::max(needed.main, pass.workspace_bytes().main);
    needed.weights = std::max(needed.weights, pass.workspace_bytes().weights);
  }
  norm_tickets = memory.add("norm tickets", {tickets}, DType::i32);
  if (options.weights == Branch::side) {
    weights_workspace = memory.add("weights workspace", {as_extent(needed.weights)}, DType::u8);
  } else {
    needed.main = std::max(needed.main, needed.weights);
  }
  workspace = memory.add("workspace", {as_extent(needed.main)}, DType::u8);
}

}  // namespace dcgan
