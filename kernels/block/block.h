// A block: convolution, optional batch norm, activation. It is the unit of fusion. A planned
// operation: which implementation computes a shape is chosen once, among candidates.
//
// Training forward has two calls, because ranks may meet between them:
//   convolve     conv_output = conv(input, weights), and its statistics in parts
//   [merge and gather the statistics, when batch norm is synchronised]
//   normalise    output = activation(norm(conv_output))
// and backward has four:
//   backward_sums      the sums of batch norm's backward pass, dnorm_weight and dnorm_bias
//   [add the ranks' sums]
//   backward_apply     doutput becomes the gradient of conv_output
//   backward_data      dinput
//   backward_weights   dweights; may run on another stream than backward_data
// A block without a norm does everything forward in convolve(); normalise() and backward_sums() do
// nothing.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/conv/conv.h"
#include "kernels/norm/batch_norm.h"

namespace dcgan {

enum class Norm { none, batch };

struct BlockConfig {
  ConvSpec conv;
  Norm norm = Norm::none;
  ActivationSpec activation;
  Shape input;               ///< (N, H, W, C)
  int norm_groups = 1;       ///< batch-norm statistics per N / norm_groups images
  DType dtype = DType::f32;  ///< of activations and of the weights that the convolution reads
  ConvPasses passes;         ///< what will be called
  ConvPolicy policy;

  Shape output() const { return conv.output_shape(input); }
  BatchNormOptions norm_options() const { return {activation, norm_groups}; }
};

struct BlockForward {
  ConstTensorView input;
  ConstTensorView weights;
  BatchNormParameters norm;  ///< here and below: only with a norm
  BatchNormRunning running;
  BatchNormSaved saved;
  TensorView conv_output;  ///< (N, P, Q, K)
  TensorView output;       ///< (N, P, Q, K); may be conv_output only if no backward pass follows
  TensorView workspace;    ///< u8, workspace_bytes(forward); kept from convolve() to normalise()
};

struct BlockBackward {
  ConstTensorView input;
  ConstTensorView weights;
  BatchNormParameters norm;
  BatchNormSaved saved;
  ConstTensorView conv_output;
  ConstTensorView output;
  TensorView doutput;       ///< gradient of output; used up
  TensorView dinput;        ///< overwritten by backward_data
  TensorView dweights;      ///< f32, overwritten by backward_weights
  TensorView dnorm_weight;  ///< f32, overwritten by backward_sums; both empty: not wanted
  TensorView dnorm_bias;
  TensorView workspace;  ///< u8, of the pass; kept from backward_sums() to backward_apply()
};

class BlockPlan {
 public:
  virtual ~BlockPlan() = default;
  BlockPlan() = default;
  BlockPlan(const BlockPlan&) = delete;  // plans own library descriptors
  BlockPlan& operator=(const BlockPlan&) = delete;

  /// Bytes of workspace, contents undefined before and after. `forward` serves convolve, normalise
  /// and infer; `backward_data` also backward_sums and backward_apply; `backward_weights` that call
  /// alone, which may run beside the others and then has a workspace of its own.
  virtual std::size_t workspace_bytes(ConvPass pass) const = 0;

  virtual void convolve(const Context& context, const BlockForward& tensors) = 0;
  virtual void normalise(const Context& context, const BlockForward& tensors) = 0;
  /// Forward with running statistics: nothing but conv_output and output is written.
  virtual void infer(const Context& context, const BlockForward& tensors) = 0;

  virtual void backward_sums(const Context& context, const BlockBackward& tensors) = 0;
  virtual void backward_apply(const Context& context, const BlockBackward& tensors) = 0;
  virtual void backward_data(const Context& context, const BlockBackward& tensors) = 0;
  virtual void backward_weights(const Context& context, const BlockBackward& tensors) = 0;

  /// The implementation in a few words, for `info` and benchmarks.
  virtual std::string describe() const = 0;
};

/// The plan of the first candidate that fits. Throws as plan_convolution.
std::unique_ptr<BlockPlan> plan_block(const Context& context, const BlockConfig& config);

}  // namespace dcgan
