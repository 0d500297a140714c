// A block: convolution, optional batch norm, activation. It is the unit of fusion. A planned
// operation: which implementation computes a shape is chosen once, among candidates.
//
// Training forward has two calls, because ranks may exchange statistics between them:
//   convolve     conv_output = conv(input, weights), and its statistics
//   [NormStatistics::exchanged: batch_norm_merge, all-reduce, batch_norm_merge of statistics(), as
//    kernels/norm/batch_norm.h has it]
//   normalise    output = activation(norm(conv_output))
// and backward has four:
//   backward_sums      the sums of batch norm's backward pass, dnorm_weight and dnorm_bias
//   [exchanged: all-reduce (a sum) of totals()]
//   backward_apply     doutput becomes the gradient of conv_output
//   backward_data      dinput
//   backward_weights   dweights; may run on another stream than backward_data
// A block without a norm does everything forward in convolve(), whose output is activation(conv),
// with a bias activation(conv + bias); normalise() and backward_sums() do nothing, and
// backward_apply() may leave the activation's derivative to the two calls behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/conv/conv.h"
#include "kernels/norm/batch_norm.h"

namespace dcgan {

enum class Norm { none, batch };

/// Whose values batch norm's statistics and sums are of: the call's alone, which convolve() then
/// finishes; or also those of other ranks, which normalise() finishes.
enum class NormStatistics { local, exchanged };

struct BlockConfig {
  ConvSpec conv;
  Norm norm = Norm::none;
  ActivationSpec activation;
  Shape input;               ///< (N, H, W, C)
  int norm_groups = 1;       ///< batch-norm statistics per N / norm_groups images
  DType dtype = DType::f32;  ///< of activations and of the weights that the convolution reads
  ConvPasses passes = {};  ///< what will be called; backward_sums and backward_apply belong to both
                           ///< backward passes
  ConvPolicy policy = {};
  ConvBias bias = ConvBias::none;  ///< without a norm and backward passes only: see fold.h
  NormStatistics norm_statistics = NormStatistics::local;

  Shape output() const { return conv.output_shape(input); }
  BatchNormOptions norm_options() const { return {activation, norm_groups}; }
};

/// What the calls of one forward pass read and write. A call looks at no other tensors than those
/// that are named at it; they may be empty. Views of `norm`, `running`, `saved` and `conv_output`
/// are empty in a block without a norm.
struct BlockForward {
  ConstTensorView input;     ///< (N, H, W, C). convolve, infer
  ConstTensorView weights;   ///< conv.weight_shape(). convolve, infer
  BatchNormParameters norm;  ///< normalise, infer
  BatchNormRunning running;  ///< moved where `saved` is written; infer only reads
  BatchNormSaved saved;      ///< written by convolve, with exchanged statistics by normalise;
                             ///< normalise
  TensorView conv_output;    ///< (N, P, Q, K). All calls
  TensorView output;     ///< (N, P, Q, K). normalise and infer; without a norm convolve and infer.
                         ///< May be conv_output only if no backward pass follows
  TensorView workspace;  ///< u8, workspace_bytes(forward), aligned to 16 bytes; kept from
                         ///< convolve() to normalise(). All calls
  TensorView tickets;    ///< as of BatchNormLocal. convolve, with a norm
  ConstTensorView bias = {};  ///< (K) f32; empty with ConvBias::none. convolve, infer
};

/// The same for one backward pass.
struct BlockBackward {
  ConstTensorView input;        ///< of forward. backward_weights
  ConstTensorView weights;      ///< of forward. backward_data
  BatchNormParameters norm;     ///< backward_sums, backward_apply
  BatchNormSaved saved;         ///< of forward. backward_sums, backward_apply
  ConstTensorView conv_output;  ///< of forward. backward_sums, backward_apply
  ConstTensorView output;   ///< of forward; read without a norm, where there is an activation, by
                            ///< all but backward_sums
  TensorView doutput;       ///< (N, P, Q, K): gradient of output; used up. All calls
  TensorView dinput;        ///< overwritten by backward_data; may not alias doutput
  TensorView dweights;      ///< f32, overwritten by backward_weights
  TensorView dnorm_weight;  ///< (K) f32, overwritten by backward_sums; both empty: not wanted
  TensorView dnorm_bias;
  TensorView workspace;  ///< u8, of the pass, aligned to 16 bytes; kept from backward_sums() to
                         ///< backward_apply(). All calls
  TensorView tickets;    ///< as of BatchNormLocal. backward_sums
  std::int64_t norm_count = 0;  ///< values behind each of totals(), when those of other ranks have
                                ///< been added to them; 0: this batch's. backward_apply
};

/// Everything is enqueued on the context's stream.
class BlockPlan {
 public:
  virtual ~BlockPlan() = default;
  BlockPlan() = default;
  BlockPlan(const BlockPlan&) = delete;  // plans own library descriptors
  BlockPlan& operator=(const BlockPlan&) = delete;

  /// Bytes of workspace, contents undefined before and after. `forward` serves convolve, normalise
  /// and infer; `backward_data` also backward_sums and backward_apply; `backward_weights` that call
  /// alone, which may run beside backward_data and then has a workspace of its own.
  virtual std::size_t workspace_bytes(ConvPass pass) const = 0;

  virtual void convolve(const Context& context, const BlockForward& tensors) = 0;
  virtual void normalise(const Context& context, const BlockForward& tensors) = 0;
  /// Forward with running statistics: nothing but conv_output, output and workspace is written.
  virtual void infer(const Context& context, const BlockForward& tensors) = 0;

  virtual void backward_sums(const Context& context, const BlockBackward& tensors) = 0;
  virtual void backward_apply(const Context& context, const BlockBackward& tensors) = 0;
  virtual void backward_data(const Context& context, const BlockBackward& tensors) = 0;
  virtual void backward_weights(const Context& context, const BlockBackward& tensors) = 0;

  /// What ranks exchange between convolve() and normalise(), and between backward_sums() and
  /// backward_apply(): views inside the workspace. Only with a norm, and the statistics only when
  /// they are exchanged.
  virtual BatchNormStatistics statistics(const BlockForward& tensors) const = 0;
  virtual BatchNormSums totals(const BlockBackward& tensors) const = 0;

  /// The implementation in a few words, for `info` and benchmarks.
  virtual std::string describe() const = 0;
};

/// When plan_block may choose a candidate.
enum class BlockChoice {
  always,
  when_timed,  ///< only on a GPU with tuning on, when it has been timed and compared
};

/// One way to compute a block.
struct BlockCandidate {
  std::string_view name;
  bool (*fits)(const Context& context, const BlockConfig& config);
  std::unique_ptr<BlockPlan> (*make)(const Context& context, const BlockConfig& config);
  BlockChoice choice = BlockChoice::always;
};

/// All candidates, first choice first. The first fits every block: a convolution plan and the
/// operations of batch norm.
const std::vector<BlockCandidate>& block_candidates();

/// The plan of the first candidate that fits; with tuning on, of the one whose convolve() is
/// fastest. Throws as plan_convolution, and Error(config) when norm_groups does not divide N, when
/// the norm does not offer the activation, and on a bias beside a norm. The plan's calls throw
/// Error(internal) on tensors that do not fit and on passes not planned.
std::unique_ptr<BlockPlan> plan_block(const Context& context, const BlockConfig& config);

}  // namespace dcgan
