#include "models/networks/activations.h"

#include <fmt/format.h>

#include <algorithm>

namespace dcgan {
namespace {

ConvPasses passes_of(const PassStages& pass, const BlockStages& block) {
  return {true, pass.has_backward() && block.backward_data.valid(), block.backward_weights.valid()};
}

// The last stage that reads a block's output: of the next block's forward and weight gradient, and
// of the derivative of its own activation.
StageId last_reader_of_output(const PassStages& stages, std::size_t index, bool activated) {
  const bool is_last = index + 1 == stages.blocks.size();
  StageId last = is_last ? stages.output_read : stages.blocks[index + 1].convolve;
  const auto later = [&last](StageId stage) {
    if (stage.index > last.index) last = stage;
  };
  if (!is_last) later(stages.blocks[index + 1].backward_weights);
  if (activated && stages.has_backward()) {
    // Convolutions may apply the derivative while they load the gradient.
    later(stages.blocks[index].backward_norm);
    later(stages.blocks[index].backward_weights);
    later(stages.blocks[index].backward_data);
  }
  return last;
}

StageId last_of(const BlockStages& block) {
  StageId last = block.backward_norm;
  for (const StageId stage : {block.backward_weights, block.backward_data}) {
    if (stage.index > last.index) last = stage;
  }
  return last;
}

}  // namespace

Activations::Activations(const Context& context, const std::vector<BlockSpec>& specs,
                         MemoryPlan& plan, const PassOptions& options)
    : stages_(options.stages) {
  DCGAN_CHECK(stages_.blocks.size() == specs.size(), "activations: stages of {} blocks for {}",
              stages_.blocks.size(), specs.size());
  Shape shape = options.input;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    add_block(context, specs[i], i, i + 1 == specs.size(), plan, options, shape);
    shape = blocks_.back().output_shape;
  }
}

void Activations::add_block(const Context& context, const BlockSpec& spec, std::size_t index,
                            bool is_last, MemoryPlan& plan, const PassOptions& options,
                            const Shape& input) {
  const std::string name = fmt::format("{} {}", options.name, spec.conv_name);
  const BlockStages& stages = stages_.blocks[index];
  const bool trains = stages_.has_backward();
  const bool normed = spec.norm == Norm::batch;
  const bool own = !is_last || options.own_output;

  Block block;
  block.plan =
      plan_block(context, {spec.conv, spec.norm, spec.activation, input, options.norm_groups,
                           options.dtype, passes_of(stages_, stages), options.convolutions});
  workspace_bytes_.main =
      std::max({workspace_bytes_.main, block.plan->workspace_bytes(ConvPass::forward),
                trains ? block.plan->workspace_bytes(ConvPass::backward_data) : 0});
  if (stages.backward_weights.valid()) {
    workspace_bytes_.weights =
        std::max(workspace_bytes_.weights, block.plan->workspace_bytes(ConvPass::backward_weights));
  }
  const Shape shape = spec.conv.output_shape(input);
  block.output_shape = shape;

  const StageId written = normed ? stages.normalise : stages.convolve;
  const StageId read = last_reader_of_output(stages_, index, !normed);
  const Lifetime output = read.valid() ? Lifetime{written, read} : kWholeRun;
  // Where nothing asks for what the norm read, it works in place.
  const bool in_place = normed && own && !trains;
  if (normed) {
    const StageId last = trains ? stages.backward_norm : stages.normalise;
    const Lifetime kept = in_place && !output.last.valid() ? kWholeRun
                          : in_place                       ? Lifetime{stages.convolve, output.last}
                                                           : Lifetime{stages.convolve, last};
    block.conv_output_slot = plan.add(name + " conv", shape, options.dtype, kept);
    const Shape saved{options.norm_groups, spec.conv.out_channels};
    block.saved_mean_slot = plan.add(name + " mean", saved, DType::f32, {stages.normalise, last});
    block.saved_invstd_slot =
        plan.add(name + " invstd", saved, DType::f32, {stages.normalise, last});
  }
  if (in_place) {
    block.output_slot = block.conv_output_slot;
  } else if (own) {
    block.output_slot = plan.add(name + " out", shape, options.dtype, output);
  }
  if (trains) {
    const StageId gradient =
        is_last ? stages_.output_gradient : stages_.blocks[index + 1].backward_data;
    block.doutput_slot =
        plan.add(name + " dout", shape, options.dtype, {gradient, last_of(stages)});
  }
  blocks_.push_back(std::move(block));
}

void Activations::bind(const Arena& arena, const Bindings& bindings) {
  const auto bound = [&arena](SlotId slot) {
    return slot.valid() ? arena.view(slot) : TensorView{};
  };
  TensorView input = bindings.input;
  TensorView dinput = bindings.input_gradient;
  for (Block& block : blocks_) {
    block.input = input;
    block.dinput = dinput;
    block.conv_output = bound(block.conv_output_slot);
    block.output = bound(block.output_slot);
    block.doutput = bound(block.doutput_slot);
    block.saved = {bound(block.saved_mean_slot), bound(block.saved_invstd_slot)};
    if (block.output.empty()) block.output = bindings.output;
    input = block.output;
    dinput = block.doutput;
  }
  DCGAN_CHECK(output().shape.elements() == blocks_.back().output_shape.elements(),
              "activations: output bound to {}, the network makes {}", to_string(output().shape),
              to_string(blocks_.back().output_shape));
  workspace_ = bindings.workspace;
  weights_workspace_ =
      bindings.weights_workspace.empty() ? bindings.workspace : bindings.weights_workspace;
}

}  // namespace dcgan
