// The activations of one pass of a network over one batch: what forward writes and backward reads.
// They live outside the network, so that one discriminator can hold a pass over real and fake
// images and one over fake images at once. Planned once: convolution plans, slots, lifetimes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernels/conv/conv.h"
#include "models/networks/blocks.h"
#include "runtime/device/memory_plan.h"

namespace dcgan {

/// When a pass runs, on the time line of the memory plan: block i forward at forward + i, block i
/// backward at backward + (last - i), the gradient of the output being written from
/// output_gradient on.
struct PassStages {
  int forward = 0;
  int backward = -1;         ///< -1: no backward pass follows
  int output_gradient = -1;  ///< -1: backward - 1
};

struct PassOptions {
  std::string name;     ///< prefix of the slots: "D(real+fake)"
  Shape input;          ///< (N, H, W, C)
  int norm_groups = 1;  ///< batch-norm statistics per N / norm_groups images
  PassStages stages;
  DType dtype = DType::f32;
  bool own_output = true;  ///< false: the caller gives bind() a place for the last output
  ConvPolicy convolutions = {};
};

class Activations {
 public:
  /// Builds the convolution plans and adds the slots to `plan`.
  Activations(const Context& context, const std::vector<BlockSpec>& blocks, MemoryPlan& plan,
              const PassOptions& options);

  /// Bytes of scratch that the pass needs; the caller lets passes of one stream share it.
  std::size_t workspace_bytes() const { return workspace_bytes_; }

  /// Gives every slot its memory. `output` and the gradients are empty unless the caller owns them.
  struct Bindings {
    TensorView input;           ///< (N, H, W, C)
    TensorView output;          ///< with own_output == false
    TensorView input_gradient;  ///< empty: backward does not compute it
    TensorView workspace;       ///< u8, at least workspace_bytes()
  };
  void bind(const Arena& arena, const Bindings& bindings);

  struct Block {
    Shape output_shape;
    std::unique_ptr<ConvPlan> conv;
    SlotId conv_output_slot;
    SlotId output_slot;
    SlotId doutput_slot;
    SlotId saved_mean_slot;
    SlotId saved_invstd_slot;
    TensorView input;        ///< previous block's output
    TensorView conv_output;  ///< before the norm; empty without one
    TensorView output;
    TensorView dinput;      ///< previous block's doutput, or the caller's; may be empty
    TensorView doutput;     ///< gradient of output; used up by backward
    TensorView saved_mean;  ///< (groups, C)
    TensorView saved_invstd;
  };
  std::vector<Block>& blocks() { return blocks_; }
  const std::vector<Block>& blocks() const { return blocks_; }

  TensorView output() const { return blocks_.back().output; }
  TensorView output_gradient() const { return blocks_.back().doutput; }
  TensorView workspace() const { return workspace_; }
  /// The workspace as batch norm's scratch, f32.
  TensorView norm_scratch() const {
    return {workspace_.data,
            {workspace_.elements() / static_cast<std::int64_t>(sizeof(float))},
            DType::f32};
  }
  int norm_groups() const { return norm_groups_; }

 private:
  std::vector<Block> blocks_;
  TensorView workspace_;
  std::size_t workspace_bytes_ = 0;
  int norm_groups_ = 1;
  bool own_output_ = true;
};

}  // namespace dcgan
