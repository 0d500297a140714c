#include "models/networks/stages.h"

#include <fmt/format.h>

namespace dcgan {

PassStages add_forward_stages(StageTable& table, const std::string& pass,
                              const std::vector<BlockSpec>& blocks) {
  PassStages stages;
  for (const BlockSpec& spec : blocks) {
    const std::string name = fmt::format("{} {}", pass, spec.conv_name);
    BlockStages& block = stages.blocks.emplace_back();
    block.convolve = table.add(name + " convolve", StageKind::convolution);
    stages.end = block.convolve;
    if (spec.norm == Norm::none) continue;
    block.normalise = table.add(name + " normalise", StageKind::norm);
    stages.end = block.normalise;
  }
  return stages;
}

void add_backward_stages(StageTable& table, const std::string& pass,
                         const std::vector<BlockSpec>& blocks, const BackwardStagesOptions& options,
                         PassStages& stages) {
  stages.output_gradient = options.output_gradient;
  for (std::size_t i = blocks.size(); i-- > 0;) {
    const std::string name = fmt::format("{} {}", pass, blocks[i].conv_name);
    BlockStages& block = stages.blocks[i];
    const StageKind kind = blocks[i].norm == Norm::batch ? StageKind::norm : StageKind::convolution;
    block.backward_norm = table.add(name + " backward norm", kind);
    if (i > 0 || options.input_gradient == InputGradient::compute) {
      block.backward_data = table.add(name + " backward data", StageKind::convolution);
    }
    if (options.work == BackwardWork::data_and_weights) {
      block.backward_weights =
          table.add(name + " backward weights", StageKind::convolution, options.weights);
      block.update = table.add(name + " update", StageKind::optimizer, options.weights);
    }
    stages.end = {table.count() - 1};
  }
}

}  // namespace dcgan
