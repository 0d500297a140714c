// The algorithms of the CPU: each computes the three products of the underlying convolution (see
// kernels/conv/underlying.h) for one shape.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "kernels/conv/underlying.h"

namespace dcgan::cpu {

/// Pointers are contiguous tensors of the convolution's dtype, except dweights, which is f32;
/// scratch holds workspace_bytes() of the product, aligned to 64 bytes. Only the products in
/// UnderlyingConv::products may be called.
class ConvAlgorithm {
 public:
  virtual ~ConvAlgorithm() = default;
  virtual std::size_t workspace_bytes(ConvPass product) const = 0;
  /// forward() applies the activation that the algorithm was made with.
  virtual bool fuses_activation() const { return false; }
  virtual void forward(const void* image, const void* weights, void* features,
                       std::byte* scratch) = 0;
  virtual void backward_data(const void* features, const void* weights, void* image,
                             std::byte* scratch) = 0;
  virtual void backward_weights(const void* image, const void* features, float* dweights,
                                std::byte* scratch) = 0;
  virtual std::string describe() const = 0;
};

/// oneDNN's convolutions; any shape. `activation` goes into forward() where that costs nothing.
std::unique_ptr<ConvAlgorithm> make_library(const UnderlyingConv& conv,
                                            const ActivationSpec& activation);
/// Matrix products over im2col where those are faster, the library elsewhere. Any shape.
std::unique_ptr<ConvAlgorithm> make_im2col(const UnderlyingConv& conv,
                                           const ActivationSpec& activation);
/// Whether Winograd's algorithm is the fastest for a shape, and can compute it.
bool winograd_pays(const UnderlyingConv& conv);
/// Winograd: 9 products instead of 16; winograd_pays(conv), or WinogradShape::fits.
std::unique_ptr<ConvAlgorithm> make_winograd(const UnderlyingConv& conv);
/// Matrix products through oneDNN; ConvClass::gemm or gemv.
std::unique_ptr<ConvAlgorithm> make_gemm(const UnderlyingConv& conv);
/// Own loops for ConvClass::gemv: a dot product an image.
std::unique_ptr<ConvAlgorithm> make_gemv_head(const UnderlyingConv& conv);

}  // namespace dcgan::cpu
