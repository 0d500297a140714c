// Dense layers as matrix products: with K = k * k * B, big is (N, K), weights (A, K), small (N, A),
// all row by row, so that nothing has to be rearranged.
#include <algorithm>

#include "kernels/conv/cpu/algorithm.h"
#include "kernels/vendor/onednn.h"

namespace dcgan::cpu {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;

class MatrixEngine final : public ConvEngine {
 public:
  explicit MatrixEngine(const ConvSides& sides) {
    const auto type = dnnl_type(sides.dtype);
    const std::int64_t n = sides.big[0];
    const std::int64_t k = sides.big[1] * sides.big[2] * sides.big[3];
    const std::int64_t a = sides.small[3];
    const memory::desc big({n, k}, type, Tag::ab);
    const memory::desc small({n, a}, type, Tag::ab);
    gather_ = make_product(big, {{k, a}, type, Tag::ba}, small);
    scatter_ = make_product(small, {{a, k}, type, Tag::ab}, big);
    weight_gradient_ =
        make_product({{a, n}, type, Tag::ba}, big, {{a, k}, memory::data_type::f32, Tag::ab});
  }

  std::size_t workspace_bytes() const override {
    return std::max({gather_.scratchpad_bytes(), scatter_.scratchpad_bytes(),
                     weight_gradient_.scratchpad_bytes()});
  }
  void gather(const void* big, const void* weights, void* small, std::byte* scratch) override {
    gather_.run({big, weights, small}, scratch);
  }
  void scatter(const void* small, const void* weights, void* big, std::byte* scratch) override {
    scatter_.run({small, weights, big}, scratch);
  }
  void weight_gradient(const void* big, const void* small, float* dweights,
                       std::byte* scratch) override {
    weight_gradient_.run({small, big, dweights}, scratch);
  }
  std::string describe() const override { return "oneDNN matrix products"; }

 private:
  DnnlCall gather_;
  DnnlCall scatter_;
  DnnlCall weight_gradient_;
};

}  // namespace

std::unique_ptr<ConvEngine> make_matrix_engine(const ConvSides& sides) {
  return with_dnnl_errors("conv", [&]() -> std::unique_ptr<ConvEngine> {
    return std::make_unique<MatrixEngine>(sides);
  });
}

}  // namespace dcgan::cpu
