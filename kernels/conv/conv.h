// Convolution and transposed convolution, with the activation of a block that has no norm inside.
//
//   down (convolution)             y[n,p,q,k] = sum_{r,s,c} x[n, p*stride - padding + r,
//                                                              q*stride - padding + s, c]
//                                                              w[k,r,s,c]
//   up   (transposed convolution)  the adjoint of the above in x, with w[c_in, r, s, c_out]
//
// (torch.nn.Conv2d and ConvTranspose2d without bias.) A planned operation: descriptors, the choice
// of algorithm and the workspace belong to a shape and are made once.
//
// Weights lie channels-last: PyTorch's [A, B, kh, kw] as (A, kh, kw, B), for both directions; A is
// the output channel of `down` and the input channel of `up`. Images are (N, H, W, C).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

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

/// "up 512->256 k4 s2 p1".
std::string to_string(const ConvSpec& spec);

/// How a GPU's library plans are chosen.
enum class ConvTuning {
  off,         ///< the library's first proposal that works: nothing is timed
  heuristic,   ///< the fastest of what the library proposes first
  exhaustive,  ///< the fastest of two dozen, proposed or not: minutes for a large network
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
struct ConvPasses {
  bool forward = true;
  bool backward_data = true;
  bool backward_weights = true;
};

struct ConvConfig {
  ConvSpec spec;
  ActivationSpec activation;  ///< applied to the result of forward()
  Shape input;                ///< (N, H, W, in_channels)
  DType dtype = DType::f32;   ///< of x, weights, y, dx, dy; f32 or bf16. dweights are always f32.
  ConvPolicy policy = {};
};

/// What backward() reads and writes. Empty dx or dweights: not computed.
struct ConvBackward {
  ConstTensorView x;        ///< (N, H, W, in_channels): the input of forward
  ConstTensorView weights;  ///< as in forward
  ConstTensorView y;    ///< (N, P, Q, out_channels): the output of forward; read only when there
                        ///< is an activation, else it may be empty
  TensorView dy;        ///< (N, P, Q, out_channels): gradient of y. Used up: with an activation
                        ///< its contents are undefined afterwards, without one they stay.
  TensorView dx;        ///< (N, H, W, in_channels), overwritten; may not alias dy
  TensorView dweights;  ///< weight_shape(), f32, overwritten
};

class ConvPlan {
 public:
  virtual ~ConvPlan() = default;
  /// Bytes of scratch that forward and backward need, the larger; 0 is common.
  virtual std::size_t workspace_bytes() const = 0;
  /// y = activation(conv(x, weights)). y may not alias x. `workspace`: u8, at least
  /// workspace_bytes(), contents undefined before and after, shared between plans of one stream.
  virtual void forward(const Context& context, ConstTensorView x, ConstTensorView weights,
                       TensorView y, TensorView workspace) = 0;
  virtual void backward(const Context& context, const ConvBackward& tensors,
                        TensorView workspace) = 0;
  /// The algorithm in a few words, for `info` and benchmarks.
  virtual std::string describe() const = 0;
};

/// Builds the plan for a shape on the context's device. Throws Error(config) on shapes that do not
/// fit, Error(unavailable) when the device cannot compute in the type (TF32 exists on GPUs only).
std::unique_ptr<ConvPlan> plan_convolution(const Context& context, const ConvConfig& config);

}  // namespace dcgan
