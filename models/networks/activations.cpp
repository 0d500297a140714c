#include "models/networks/activations.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/norm/batch_norm.h"

namespace dcgan {

Activations::Activations(const Context& context, const std::vector<BlockSpec>& specs,
                         MemoryPlan& plan, const PassOptions& options)
    : norm_groups_(options.norm_groups), own_output_(options.own_output) {
  const int last = static_cast<int>(specs.size()) - 1;
  const bool trains = options.stages.backward >= 0;
  Shape shape = options.input;
  for (int i = 0; i <= last; ++i) {
    const BlockSpec& spec = specs[static_cast<std::size_t>(i)];
    const std::string name = fmt::format("{} {}", options.name, spec.conv_name);
    const bool normed = spec.norm == Norm::batch;
    const bool own = i != last || own_output_;
    const bool in_place = normed && own && !trains;  // nothing asks for what the norm read
    const int forward = options.stages.forward + i;
    // Without a backward pass an output is needed until the next block has read it.
    const int backward = trains ? options.stages.backward + (last - i) : forward + 1;

    Block block;
    block.conv = plan_convolution(context, {spec.conv, normed ? ActivationSpec{} : spec.activation,
                                            shape, options.dtype, options.convolutions});
    workspace_bytes_ = std::max(workspace_bytes_, block.conv->workspace_bytes());
    shape = spec.conv.output_shape(shape);
    block.output_shape = shape;
    if (normed) {
      block.conv_output_slot = plan.add(name + " conv", shape, options.dtype,
                                        {forward, trains || in_place ? backward : forward});
      const Shape saved{options.norm_groups, spec.conv.out_channels};
      block.saved_mean_slot = plan.add(name + " mean", saved, DType::f32, {forward, backward});
      block.saved_invstd_slot = plan.add(name + " invstd", saved, DType::f32, {forward, backward});
      workspace_bytes_ = std::max(
          workspace_bytes_, sizeof(float) * static_cast<std::size_t>(batch_norm_scratch_elements(
                                                context, shape, options.norm_groups)));
    }
    if (in_place) {
      block.output_slot = block.conv_output_slot;
    } else if (own) {
      block.output_slot = plan.add(name + " out", shape, options.dtype, {forward, backward});
    }
    if (trains) {
      const bool given = i == last && options.stages.output_gradient >= 0;
      const int written = given ? options.stages.output_gradient : backward - 1;
      block.doutput_slot = plan.add(name + " dout", shape, options.dtype, {written, backward});
    }
    blocks_.push_back(std::move(block));
  }
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
    block.saved_mean = bound(block.saved_mean_slot);
    block.saved_invstd = bound(block.saved_invstd_slot);
    if (block.output.empty()) block.output = bindings.output;
    input = block.output;
    dinput = block.doutput;
  }
  DCGAN_CHECK(output().shape.elements() == blocks_.back().output_shape.elements(),
              "activations: output bound to {}, the network makes {}", to_string(output().shape),
              to_string(blocks_.back().output_shape));
  workspace_ = bindings.workspace;
}

}  // namespace dcgan
