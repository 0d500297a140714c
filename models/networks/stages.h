// The named stages of a step: when what is computed, in the order of enqueueing. The memory plan
// takes lifetimes from them, the time breakdown its marks.
#pragma once

#include <string>
#include <vector>

#include "models/networks/blocks.h"
#include "runtime/device/context.h"
#include "runtime/device/memory_plan.h"

namespace dcgan {

/// What a stage computes: the rows of a time breakdown.
enum class StageKind { convolution, norm, optimizer, input, loss, image_stage };

/// The stages of a memory plan with their kinds. The plan must outlive the table.
class StageTable {
 public:
  explicit StageTable(MemoryPlan& plan) : stages_(plan.stages()) {}

  StageId add(std::string name, StageKind kind, Branch branch = Branch::main) {
    kinds_.push_back(kind);
    return stages_.add(std::move(name), branch);
  }
  void join() { stages_.join(); }

  int count() const { return stages_.count(); }
  const std::string& name(StageId id) const { return stages_.name(id); }
  StageKind kind(StageId id) const { return kinds_.at(static_cast<std::size_t>(id.index)); }

 private:
  StageList& stages_;
  std::vector<StageKind> kinds_;
};

/// Hears of each stage before its work is enqueued: "what follows on this context belongs to it".
class StageObserver {
 public:
  virtual ~StageObserver() = default;
  virtual void on_stage(const Context& context, StageId stage) = 0;
};

/// When one block of a pass computes what. Not valid: it does not.
struct BlockStages {
  StageId convolve;
  StageId normalise;
  StageId backward_norm;  ///< also the derivative of an activation behind no norm
  StageId backward_data;
  StageId backward_weights;
  StageId update;  ///< of the block's parameters
};

/// The stages of one pass of a network over one batch.
struct PassStages {
  std::vector<BlockStages> blocks;
  StageId output_read;      ///< the last that reads the output; not valid: the output is kept
  StageId output_gradient;  ///< writes the gradient of the output; not valid: no backward pass
  StageId end;              ///< the pass's last

  bool has_backward() const { return output_gradient.valid(); }
};

/// Which gradients a backward pass computes.
enum class BackwardWork { data, data_and_weights };
/// Whether the gradient of the network's input is computed.
enum class InputGradient { skip, compute };

/// Adds the forward stages of a pass: "D(real+fake) main.0 convolve", ...
PassStages add_forward_stages(StageTable& table, const std::string& pass,
                              const std::vector<BlockSpec>& blocks);

struct BackwardStagesOptions {
  BackwardWork work = BackwardWork::data_and_weights;
  InputGradient input_gradient = InputGradient::skip;
  Branch weights = Branch::main;  ///< where weight gradients are computed, and parameters updated
  StageId output_gradient;        ///< an earlier stage
};
/// Adds the backward stages behind all that the table holds.
void add_backward_stages(StageTable& table, const std::string& pass,
                         const std::vector<BlockSpec>& blocks, const BackwardStagesOptions& options,
                         PassStages& stages);

}  // namespace dcgan
