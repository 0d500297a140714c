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
  for (const StageId stage : {block.backward_data, block.backward_weights}) {
    if (stage.index > last.index) last = stage;
  }
  return last;
}

// How long a block's tensors are needed.
struct BlockLifetimes {
  Lifetime conv_output = kWholeRun;  // with a norm
  Lifetime saved = kWholeRun;        // with a norm
  Lifetime output = kWholeRun;
  Lifetime doutput = kWholeRun;  // with a backward pass
  bool in_place = false;         // nothing asks for what the norm read: it overwrites it
};

BlockLifetimes lifetimes_of(const PassStages& stages, std::size_t index, bool normed, bool own) {
  const BlockStages& block = stages.blocks[index];
  const bool trains = stages.has_backward();
  const bool is_last = index + 1 == stages.blocks.size();
  BlockLifetimes lifetimes;
  const StageId read = last_reader_of_output(stages, index, !normed);
  if (read.valid()) lifetimes.output = {normed ? block.normalise : block.convolve, read};
  if (normed) {
    lifetimes.in_place = own && !trains;
    const StageId last = trains ? block.backward_norm : block.normalise;
    lifetimes.saved = {block.convolve, last};
    if (!lifetimes.in_place) {
      lifetimes.conv_output = {block.convolve, last};
    } else if (read.valid()) {
      lifetimes.conv_output = {block.convolve, read};
    }
  }
  if (trains) {
    lifetimes.doutput = {is_last ? stages.output_gradient : stages.blocks[index + 1].backward_data,
                         last_of(block)};
  }
  return lifetimes;
}

WorkspaceBytes workspace_of(const BlockPlan& plan, const PassStages& stages,
                            const BlockStages& block) {
  WorkspaceBytes bytes;
  bytes.main = plan.workspace_bytes(ConvPass::forward);
  if (stages.has_backward()) {
    bytes.main = std::max(bytes.main, plan.workspace_bytes(ConvPass::backward_data));
  }
  if (block.backward_weights.valid()) {
    bytes.weights = plan.workspace_bytes(ConvPass::backward_weights);
  }
  return bytes;
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
  const BlockStages& stages = stages_.blocks[index];
  const bool normed = spec.norm == Norm::batch;
  const bool own = !is_last || options.own_output;
  Block block;
  block.output_shape = spec.conv.output_shape(input);
  block.plan = plan_block(context, {spec.conv, spec.norm, spec.activation, input,
                                    options.norm_groups, options.dtype, passes_of(stages_, stages),
                                    options.convolutions, spec.bias, options.norm_statistics});
  const WorkspaceBytes bytes = workspace_of(*block.plan, stages_, stages);
  workspace_bytes_.main = std::max(workspace_bytes_.main, bytes.main);
  workspace_bytes_.weights = std::max(workspace_bytes_.weights, bytes.weights);

  if (normed) tickets_needed_ = std::max(tickets_needed_, block.output_shape[3]);

  const std::string name = fmt::format("{} {}", options.name, spec.conv_name);
  const auto slot = [&](const char* what, Lifetime lifetime) {
    return plan.add(name + what, block.output_shape, options.dtype, lifetime);
  };
  const BlockLifetimes lifetimes = lifetimes_of(stages_, index, normed, own);
  if (normed) {
    const Shape saved{options.norm_groups, spec.conv.out_channels};
    block.conv_output_slot = slot(" conv", lifetimes.conv_output);
    block.saved_mean_slot = plan.add(name + " mean", saved, DType::f32, lifetimes.saved);
    block.saved_invstd_slot = plan.add(name + " invstd", saved, DType::f32, lifetimes.saved);
  }
  if (lifetimes.in_place) {
    block.output_slot = block.conv_output_slot;
  } else if (own) {
    block.output_slot = slot(" out", lifetimes.output);
  }
  if (stages_.has_backward()) block.doutput_slot = slot(" dout", lifetimes.doutput);
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
  tickets_ = bindings.tickets;
  weights_workspace_ =
      bindings.weights_workspace.empty() ? bindings.workspace : bindings.weights_workspace;
}

}  // namespace dcgan
