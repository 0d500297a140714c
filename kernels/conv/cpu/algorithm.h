// Both directions of convolution, seen from the kernel's two sides: `big` (N, H, W, B), the image
// the kernel slides over (input of `down`, output of `up`), and `small` (N, P, Q, A), one pixel for
// each place of the kernel. With weights (A, k, k, B), each of the six passes is one of
//   gather            small = conv(big, weights)           forward of down, data gradient of up
//   scatter           big = adjoint of it in big           forward of up, data gradient of down
//   weight_gradient   dweights = adjoint of it in weights  both
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "kernels/elementwise/activation.h"
#include "runtime/base/dtype.h"
#include "runtime/base/shape.h"

namespace dcgan::cpu {

struct ConvSides {
  Shape big;    ///< (N, H, W, B)
  Shape small;  ///< (N, P, Q, A)
  int kernel = 0;
  int stride = 0;
  int padding = 0;
  DType dtype = DType::f32;

  /// One place of the kernel covers the whole image: the passes are matrix products.
  bool is_dense() const {
    return small[1] == 1 && small[2] == 1 && big[1] == kernel && big[2] == kernel && padding == 0;
  }
};

/// Computes the three passes for one shape. Pointers are contiguous tensors of sides.dtype, except
/// dweights, which is f32; scratch holds workspace_bytes(), aligned to 64 bytes.
class ConvEngine {
 public:
  virtual ~ConvEngine() = default;
  virtual std::size_t workspace_bytes() const = 0;
  /// gather() applies the activation that the engine was made with.
  virtual bool fuses_activation() const { return false; }
  virtual void gather(const void* big, const void* weights, void* small, std::byte* scratch) = 0;
  virtual void scatter(const void* small, const void* weights, void* big, std::byte* scratch) = 0;
  virtual void weight_gradient(const void* big, const void* small, float* dweights,
                               std::byte* scratch) = 0;
  virtual std::string describe() const = 0;
};

/// oneDNN's convolutions; any shape. `activation` goes into gather() where that costs nothing.
std::unique_ptr<ConvEngine> make_library_engine(const ConvSides& sides,
                                                const ActivationSpec& activation);
/// The library, and matrix products over patches of the image where those are faster. Any shape.
std::unique_ptr<ConvEngine> make_patch_engine(const ConvSides& sides,
                                              const ActivationSpec& activation);
/// Whether minimal filtering is the fastest for a shape, and can compute it.
bool filtering_pays(const ConvSides& sides);
/// Minimal filtering: 9 products instead of 16; filtering_pays(sides), or FilteringShape::fits.
std::unique_ptr<ConvEngine> make_filtering_engine(const ConvSides& sides);
/// Matrix products through oneDNN; sides.is_dense().
std::unique_ptr<ConvEngine> make_matrix_engine(const ConvSides& sides);
/// Own loops for a dense layer with one output (A == 1): a dot product an image.
std::unique_ptr<ConvEngine> make_dot_engine(const ConvSides& sides);

}  // namespace dcgan::cpu
