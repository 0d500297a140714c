// A network's numbers: flat arrays with one layout, so that the optimiser, the average, an
// all-reduce and a checkpoint each see one array. Blocks lie in the order in which a backward pass
// completes their gradients, so that a bucket of gradients is one range.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/norm/batch_norm.h"
#include "models/networks/blocks.h"
#include "runtime/base/philox.h"
#include "runtime/device/memory_plan.h"

namespace dcgan {

enum class ParameterKind { conv_weight, norm_weight, norm_bias };

struct ParameterInfo {
  std::string name;  ///< PyTorch's: "main.3.weight"
  ParameterKind kind = ParameterKind::conv_weight;
  Shape shape;  ///< as stored: (A, kh, kw, B) or (C)
  SlotId slot;
};

/// Running statistics of one batch norm.
struct RunningInfo {
  std::string name;  ///< PyTorch's module: "main.4"
  SlotId mean;
  SlotId var;
  SlotId batches_tracked;
};

/// What belongs to one block, as places in Parameters::infos() and running_infos().
struct BlockParameters {
  static constexpr int kNone = -1;
  int weight = kNone;
  int norm_weight = kNone;  ///< here and below kNone without a norm
  int norm_bias = kNone;
  int running = kNone;
  std::int64_t first = 0;  ///< its range of every flat array, in elements, padding included
  std::int64_t count = 0;
};

/// The arrays of parameters, in the order in which they are saved and printed.
enum class ParameterArray { values, gradients, first_moment, second_moment, ema };

class Parameters {
 public:
  /// What a Parameters of these blocks allocates when it is made: values and running statistics.
  static std::size_t bytes_when_made(const std::vector<BlockSpec>& blocks);

  Parameters(const Context& context, const std::vector<BlockSpec>& blocks);

  /// In the order of the blocks and of PyTorch's state_dict.
  const std::vector<ParameterInfo>& infos() const { return infos_; }
  const std::vector<RunningInfo>& running_infos() const { return running_infos_; }
  const std::vector<BlockParameters>& blocks() const { return blocks_; }
  const BlockParameters& block(std::size_t index) const { return blocks_.at(index); }

  /// The whole array as (P) f32; padding between parameters is zero and stays zero.
  TensorView flat(ParameterArray array) const;
  /// The part of the flat array that belongs to a block.
  TensorView range(ParameterArray array, std::size_t block) const;
  TensorView view(ParameterArray array, std::size_t index) const;
  TensorView running(SlotId slot) const { return running_.view(slot); }
  /// (1) i64: updates made so far.
  TensorView step() const { return running_.view(step_); }

  // What a pass of a block reads and writes.
  TensorView weights(std::size_t block) const;  ///< in the type that the network computes in
  BatchNormParameters norm(std::size_t block) const;
  BatchNormRunning norm_running(std::size_t block) const;

  /// Makes the arrays that training needs: gradients and both moments, all zero.
  void make_training_arrays(const Context& context);
  bool has_training_arrays() const { return has_training_arrays_; }
  /// Makes the average of the values, beginning at the values.
  void make_ema(const Context& context);
  bool has_ema() const { return has_ema_; }
  /// Makes a place for gradients that are added to others (ParamGrads::accumulate).
  void make_accumulation(const Context& context);
  bool has_accumulation() const { return has_accumulation_; }
  TensorView accumulation(std::size_t index) const;
  TensorView accumulation_range(std::size_t block) const;

  /// Makes a bf16 copy of the values that the convolutions read.
  void make_low_precision(const Context& context);
  void refresh_low_precision(const Context& context);
  TensorView flat_low_precision() const;  ///< empty without one
  /// The part of it that belongs to a block; empty without one.
  TensorView low_precision_range(std::size_t block) const;

  /// Convolutions N(0, 0.02), batch-norm weights N(1, 0.02), biases 0 (Radford et al.); running
  /// means 0, variances 1, counters 0. Numbers depend on (seed, stream, parameter, element) alone.
  void initialize(const Context& context, RandomKey key);

  /// Takes one array of another network of the same blocks as values, and its running statistics.
  void copy_from(const Context& context, const Parameters& other, ParameterArray array);

  std::size_t bytes_per_array() const { return plan_.bytes(); }

 private:
  explicit Parameters(const std::vector<BlockSpec>& blocks);  // the plans alone
  void add_infos(const std::vector<BlockSpec>& blocks);
  void lay_out();
  const Arena& arena(ParameterArray array) const;
  TensorView cut(const Arena& arena, std::size_t block) const;

  MemoryPlan plan_;
  MemoryPlan running_plan_;
  std::vector<ParameterInfo> infos_;
  std::vector<RunningInfo> running_infos_;
  std::vector<BlockParameters> blocks_;
  SlotId step_;
  Arena values_;
  Arena gradients_;
  Arena first_moment_;
  Arena second_moment_;
  Arena ema_;
  Arena accumulation_;
  Arena running_;
  Buffer low_precision_;
  bool has_training_arrays_ = false;
  bool has_ema_ = false;
  bool has_accumulation_ = false;
};

}  // namespace dcgan
