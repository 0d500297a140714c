// Convolution and transposed convolution, with the activation of a block that has no norm inside.
//
//   convolution             y[n,p,q,k] = sum_{r,s,c} x[n, p*stride - padding + r,
//                                                       q*stride - padding + s, c] w[k,r,s,c]
//   transposed convolution  the adjoint of the above in x, with w[c_in,r,s,c_out]
//
// (torch.nn.Conv2d and ConvTranspose2d; with a bias in inference only.) A planned operation:
// descriptors, the choice of algorithm and the workspace belong to a shape and are made once.
//
// Weights are stored channels-last: PyTorch's [A, B, kh, kw] as (A, kh, kw, B). A counts the output
// channels of a convolution and the input channels of a transposed one. Images are (N, H, W, C).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/elementwise/activation.h"
#include "runtime/base/enum_names.h"
#include "runtime/base/tensor.h"
#include "runtime/device/context.h"

namespace dcgan {

enum class ConvType { convolution, transposed };

struct ConvSpec {
  ConvType type = ConvType::convolution;
  std::int64_t in_channels = 0;
  std::int64_t out_channels = 0;
  int kernel = 4;
  int stride = 2;
  int padding = 1;

  /// (A, kernel, kernel, B), see above.
  Shape weight_shape() const;
  /// Shape of y for x of shape (N, H, W, in_channels). Throws Error(config) when nothing is left.
  Shape output_shape(const Shape& input) const;
  /// Multiply-accumulates of one forward pass.
  std::int64_t multiply_accumulates(const Shape& input) const;
};

/// "conv transposed 512->256 k4 s2 p1".
std::string to_string(const ConvSpec& spec);

/// How a GPU's plans are chosen. Choices that were timed are kept on disk.
enum class ConvTuning {
  off,         ///< the first candidate that works when it is run once: nothing is timed
  heuristic,   ///< for each pass the fastest of our kernels and the library's first proposals
  exhaustive,  ///< the same with two dozen library plans, proposed or not: minutes for a large
               ///< network
};

constexpr auto enum_table(ConvTuning) {
  return NameTable<ConvTuning, 3>{{{"off", ConvTuning::off},
                                   {"heuristic", ConvTuning::heuristic},
                                   {"exhaustive", ConvTuning::exhaustive}}};
}

/// What a caller may decide about the computation besides its formula.
struct ConvPolicy {
  bool allow_tf32 = false;  ///< f32 factors rounded to TF32's 11 bits, where tensor cores are used
  ConvTuning tuning = ConvTuning::off;  ///< without meaning on the CPU
};

/// The three products of a convolution layer.
enum class ConvPass { forward, backward_data, backward_weights };

constexpr auto enum_table(ConvPass) {
  return NameTable<ConvPass, 3>{{{"forward", ConvPass::forward},
                                 {"backward_data", ConvPass::backward_data},
                                 {"backward_weights", ConvPass::backward_weights}}};
}

/// What forward() adds to the result of the convolution, before the activation.
enum class ConvBias {
  none,
  per_channel,  ///< inference only: a plan with a bias has no backward passes
};

/// Those that will be called: a plan is built, tuned and given workspace for no others.
struct ConvPasses {
  bool forward = true;
  bool backward_data = true;
  bool backward_weights = true;

  bool contain(ConvPass pass) const;
};

struct ConvConfig {
  ConvSpec spec;
  ActivationSpec activation;  ///< applied to the result of forward()
  Shape input;                ///< (N, H, W, in_channels)
  DType dtype = DType::f32;   ///< of x, weights, y, dx, dy; f32 or bf16. dweights are always stored
                              ///< as f32; see ConvPlan::precision_of_dweights()
  ConvPasses passes = {};
  ConvPolicy policy = {};
  ConvBias bias = ConvBias::none;
};

/// y = activation(conv(x, weights) + bias).
struct ConvForward {
  ConstTensorView x;          ///< (N, H, W, in_channels)
  ConstTensorView weights;    ///< weight_shape()
  TensorView y;               ///< (N, P, Q, out_channels), overwritten; may not alias x
  TensorView workspace;       ///< u8, at least workspace_bytes(ConvPass::forward)
  ConstTensorView bias = {};  ///< (out_channels) f32; empty with ConvBias::none
};

/// What the calls of one backward pass read and write: one struct for all of them. A call looks at
/// no other tensors than those that are named at it; they may be empty.
struct ConvBackward {
  ConstTensorView x;        ///< (N, H, W, in_channels): the input of forward. backward_weights
  ConstTensorView weights;  ///< as in forward. backward_data
  ConstTensorView y;     ///< (N, P, Q, out_channels): the output of forward. All three calls, and
                         ///< only when there is an activation
  TensorView dy;         ///< (N, P, Q, out_channels): gradient of y. All three calls;
                         ///< activation_backward may overwrite it
  TensorView dx;         ///< (N, H, W, in_channels), overwritten; may not alias dy. backward_data
  TensorView dweights;   ///< weight_shape(), f32, overwritten. backward_weights
  TensorView workspace;  ///< u8, at least workspace_bytes() of the pass that is called
};

/// Everything is enqueued on the context's stream. Contents of the workspace are undefined before
/// and after each call; backward_data and backward_weights may run side by side on two streams when
/// each has a workspace of its own.
class ConvPlan {
 public:
  virtual ~ConvPlan() = default;
  /// Bytes of scratch that a pass needs; 0 is common, and what a pass that was not planned needs.
  virtual std::size_t workspace_bytes(ConvPass pass) const = 0;
  virtual void forward(const Context& context, const ConvForward& tensors) = 0;
  /// dy = dy * activation'(y) in place; nothing when there is no activation, or when the plan
  /// applies the derivative where it loads dy. Called once, before the two calls below, which may
  /// then follow in either order.
  virtual void activation_backward(const Context& context, const ConvBackward& tensors) = 0;
  /// dx = the gradient of x.
  virtual void backward_data(const Context& context, const ConvBackward& tensors) = 0;
  /// dweights = the gradient of the weights.
  virtual void backward_weights(const Context& context, const ConvBackward& tensors) = 0;
  /// What the sums of dweights are rounded to before they are stored as f32: f32, or the config's
  /// dtype where a library writes them in it and they are converted.
  virtual DType precision_of_dweights() const { return DType::f32; }
  /// The algorithm in a few words, for `info` and benchmarks.
  virtual std::string describe() const = 0;
};

/// Builds the plan for a shape on the context's device. Throws Error(config) on shapes that do not
/// fit and on a bias with backward passes, Error(unavailable) when the device cannot compute in the
/// type (TF32 exists on GPUs only). The plan's calls throw Error(internal) on tensors that do not
/// fit and on passes not planned.
std::unique_ptr<ConvPlan> plan_convolution(const Context& context, const ConvConfig& config);

/// One way to compute a convolution on the context's device.
struct ConvCandidate {
  std::string_view name;
  bool (*fits)(const Context& context, const ConvConfig& config);
  std::unique_ptr<ConvPlan> (*make)(const Context& context, const ConvConfig& config);
};
/// The device's, first choice first; the last fits every shape. plan_convolution takes the first
/// that fits, on a GPU without those that are chosen by their time alone; with tuning switched on,
/// each pass the fastest of all that fit.
const std::vector<ConvCandidate>& conv_candidates(const Context& context);

}  // namespace dcgan
