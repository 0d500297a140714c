// One place of the kernel covers the image: with L = kernel * kernel * C, the image is (N, L), the
// weights are (K, L) and the features (N, K), all row by row, so that nothing has to be rearranged.
#include "kernels/conv/cpu/algorithm.h"
#include "kernels/vendor/onednn.h"

namespace dcgan::cpu {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;

class GemmAlgorithm final : public ConvAlgorithm {
 public:
  explicit GemmAlgorithm(const UnderlyingConv& conv) {
    const auto type = dnnl_type(conv.dtype);
    const std::int64_t n = conv.image[0], k = conv.features[3];
    const std::int64_t l = conv.image[1] * conv.image[2] * conv.image[3];
    const memory::desc image({n, l}, type, Tag::ab);
    const memory::desc features({n, k}, type, Tag::ab);
    if (conv.products.forward) {
      forward_ = make_product(image, {{l, k}, type, Tag::ba}, features);
    }
    if (conv.products.backward_data) {
      backward_data_ = make_product(features, {{k, l}, type, Tag::ab}, image);
    }
    if (conv.products.backward_weights) {
      backward_weights_ =
          make_product({{k, n}, type, Tag::ba}, image, {{k, l}, memory::data_type::f32, Tag::ab});
    }
  }

  std::size_t workspace_bytes(ConvPass product) const override {
    switch (product) {
      case ConvPass::forward:
        return forward_.scratchpad_bytes();
      case ConvPass::backward_data:
        return backward_data_.scratchpad_bytes();
      case ConvPass::backward_weights:
        break;
    }
    return backward_weights_.scratchpad_bytes();
  }
  void forward(const void* image, const void* weights, void* features,
               std::byte* scratch) override {
    forward_.run({image, weights, features}, scratch);
  }
  void backward_data(const void* features, const void* weights, void* image,
                     std::byte* scratch) override {
    backward_data_.run({features, weights, image}, scratch);
  }
  void backward_weights(const void* image, const void* features, float* dweights,
                        std::byte* scratch) override {
    backward_weights_.run({features, image, dweights}, scratch);
  }
  std::string describe() const override { return "oneDNN gemm"; }

 private:
  DnnlCall forward_;
  DnnlCall backward_data_;
  DnnlCall backward_weights_;
};

}  // namespace

std::unique_ptr<ConvAlgorithm> make_gemm(const UnderlyingConv& conv) {
  return with_dnnl_errors("conv", [&]() -> std::unique_ptr<ConvAlgorithm> {
    return std::make_unique<GemmAlgorithm>(conv);
  });
}

}  // namespace dcgan::cpu
