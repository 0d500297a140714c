// Tensors of a layer's shape to try and time its plans on.
#pragma once

#include <vector>

#include "kernels/conv/conv.h"
#include "runtime/device/memory.h"

namespace dcgan::cuda {

/// `sets` times the tensors of one pass, filled with random numbers in [-1, 1), and one workspace.
class TimingTensors {
 public:
  /// config.passes: one pass. Throws Error(unavailable) when there is not enough memory.
  TimingTensors(const Context& context, const ConvConfig& config, int sets);

  /// Bytes of one set.
  static std::size_t set_bytes(const ConvConfig& config);

  /// Enqueues the pass on a set, with what its activation costs. Grows the workspace when the plan
  /// needs more: run a plan once before a graph is captured.
  void run(ConvPlan& plan, int set);
  /// Enqueues: zeroes the results, and fills dy, which plans may overwrite, anew.
  void refresh();
  /// The pass's result of set 0.
  TensorView result() const { return sets_.front().*result_; }

 private:
  struct Set {
    TensorView x, weights, bias, y, dy, dx, dweights;  // those that the pass has
  };
  struct Needed {
    TensorView Set::*tensor;
    Shape shape;
    DType dtype;
    std::size_t bytes() const;  // rounded up, so that the next tensor is aligned
  };
  static std::vector<Needed> needed(const ConvConfig& config);
  void fill_random(TensorView view);
  TensorView workspace() const;

  const Context& context_;
  ConvPass pass_;
  TensorView Set::*result_;
  Buffer random_;  // of the config's type
  std::vector<Buffer> memory_;
  std::vector<Set> sets_;
  Buffer workspace_;
};

}  // namespace dcgan::cuda
