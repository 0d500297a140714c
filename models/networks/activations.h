// The activations of one pass of a network over one batch: what forward writes and backward reads.
// They live outside the network, so that one discriminator can hold a pass over real and fake
// images and one over fake images at once. Planned once: block plans, slots, lifetimes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernels/block/block.h"
#include "models/networks/blocks.h"
#include "models/networks/stages.h"
#include "runtime/device/memory_plan.h"

namespace dcgan {

struct PassOptions {
  std::string name;     ///< prefix of the slots: "D(real+fake)"
  Shape input;          ///< (N, H, W, C)
  int norm_groups = 1;  ///< batch-norm statistics per N / norm_groups images
  PassStages stages;
  DType dtype = DType::f32;
  bool own_output = true;  ///< false: the caller gives bind() a place for the last output
  ConvPolicy convolutions = {};
  NormStatistics norm_statistics = NormStatistics::local;
};

/// Bytes of scratch that a pass needs on each branch.
struct WorkspaceBytes {
  std::size_t main = 0;
  std::size_t weights = 0;  ///< of the weight gradients
};

class Activations {
 public:
  /// Builds the block plans and adds the slots to `plan`.
  Activations(const Context& context, const std::vector<BlockSpec>& blocks, MemoryPlan& plan,
              const PassOptions& options);

  /// The caller lets the passes of one branch share a workspace.
  const WorkspaceBytes& workspace_bytes() const { return workspace_bytes_; }
  /// i32 elements of Bindings::tickets that training needs on a GPU; passes may share them.
  std::int64_t tickets_needed() const { return tickets_needed_; }

  /// Gives every slot its memory. `output` and the gradients are empty unless the caller owns them.
  struct Bindings {
    TensorView input;              ///< (N, H, W, C)
    TensorView output;             ///< with own_output == false
    TensorView input_gradient;     ///< empty: backward does not compute it
    TensorView workspace;          ///< u8, at least workspace_bytes().main
    TensorView weights_workspace;  ///< u8, at least workspace_bytes().weights; may be `workspace`
                                   ///< when weight gradients are computed on the main branch
    TensorView tickets;            ///< i32, at least tickets_needed(), zeros; not for inference
  };
  void bind(const Arena& arena, const Bindings& bindings);
  /// Passes enqueued from now on write their output there; same shape and type as before.
  void set_output(const TensorView& output) { blocks_.back().output = output; }

  struct Block {
    Shape output_shape;
    std::unique_ptr<BlockPlan> plan;
    SlotId conv_output_slot;
    SlotId output_slot;
    SlotId doutput_slot;
    SlotId saved_mean_slot;
    SlotId saved_invstd_slot;
    TensorView input;        ///< previous block's output
    TensorView conv_output;  ///< before the norm; empty without one
    TensorView output;
    TensorView dinput;   ///< previous block's doutput, or the caller's; may be empty
    TensorView doutput;  ///< gradient of output; used up by backward
    BatchNormSaved saved;
  };
  std::vector<Block>& blocks() { return blocks_; }
  const std::vector<Block>& blocks() const { return blocks_; }
  const PassStages& stages() const { return stages_; }

  TensorView output() const { return blocks_.back().output; }
  TensorView output_gradient() const { return blocks_.back().doutput; }
  TensorView workspace() const { return workspace_; }
  TensorView weights_workspace() const { return weights_workspace_; }
  TensorView tickets() const { return tickets_; }

 private:
  void add_block(const Context& context, const BlockSpec& spec, std::size_t index, bool is_last,
                 MemoryPlan& plan, const PassOptions& options, const Shape& input);

  std::vector<Block> blocks_;
  PassStages stages_;
  TensorView workspace_;
  TensorView weights_workspace_;
  TensorView tickets_;
  WorkspaceBytes workspace_bytes_;
  std::int64_t tickets_needed_ = 0;
};

}  // namespace dcgan
