#include "models/parity/probe.h"

#include <algorithm>

#include "models/parity/trace_inputs.h"

namespace dcgan {

Probe::Probe(const Context& context, const Network& network, const HostTensor& input,
             const TrainingConfig& config)
    : context_(context), network_(context, network.blocks()) {
  const DType dtype = config.dtype();
  if (dtype == DType::bf16) network_.parameters().make_low_precision(context);
  network_.parameters().copy_from(context, network.parameters(), ParameterArray::values);
  MemoryPlan plan;
  StageTable table(plan);
  PassOptions options;
  options.name = "probe";
  options.input = input_shape(input);
  options.stages = add_forward_stages(table, options.name, network_.blocks());
  // Backward stages are foreseen, so that every activation is kept to the end.
  const StageId end = table.add("probe end", StageKind::loss);
  add_backward_stages(table, options.name, network_.blocks(),
                      {BackwardWork::data_and_weights, InputGradient::compute, Branch::main, end},
                      options.stages);
  options.dtype = dtype;
  options.convolutions = config.conv_policy();
  activations_.emplace(context, network_.blocks(), plan, options);
  const SlotId input_slot = plan.add("input", options.input, dtype);
  const WorkspaceBytes& needed = activations_->workspace_bytes();
  const SlotId workspace =
      plan.add("workspace", {static_cast<std::int64_t>(needed.main)}, DType::u8);
  const SlotId tickets = plan.add(
      "norm tickets", {std::max<std::int64_t>(activations_->tickets_needed(), 1)}, DType::i32);
  plan.assign();
  arena_ = Arena(context, plan);
  fill_zero(context, arena_.view(tickets));
  activations_->bind(
      arena_, {arena_.view(input_slot), {}, {}, arena_.view(workspace), {}, arena_.view(tickets)});
  upload_converted(context, input, arena_.view(input_slot));
}

TensorView Probe::norm_output(std::size_t index) {
  const Activations::Block& block = activations_->blocks()[index];
  batch_norm_apply(
      context_, {block.conv_output, network_.parameters().norm(index), block.saved, block.output},
      {});
  return block.output;
}

// Images (N, H, W, C) as they are; latent vectors of any rank as (N, 1, 1, nz).
Shape Probe::input_shape(const HostTensor& input) const {
  const Shape& shape = input.shape();
  const std::int64_t channels = network_.blocks().front().conv.in_channels;
  if (shape.rank() == 4 && shape[3] == channels) return shape;
  return {shape[0], 1, 1, shape.elements() / shape[0]};
}

}  // namespace dcgan
