// One place of the kernel covers the image: matrix products through cuBLASLt. With L = kernel *
// kernel * C, the image is (N, L), the weights are (K, L) and the features (N, K). cuBLAS counts
// columns first, so every row-major matrix is its own transpose there.
#include <cublasLt.h>
#include <fmt/format.h>

#include <array>
#include <utility>

#include "kernels/conv/cuda/plans.h"
#include "kernels/conv/underlying.h"
#include "kernels/elementwise/activation.h"
#include "kernels/vendor/cuda/libraries.h"

namespace dcgan::cuda {
namespace {

constexpr std::size_t kMostWorkspaceBytes = std::size_t{32} << 20;  // NVIDIA's advice for Hopper

template <class T, cublasStatus_t (*destroy)(T)>
struct Owner {
  T handle = nullptr;
  Owner() = default;
  Owner(Owner&& other) noexcept : handle(std::exchange(other.handle, nullptr)) {}
  Owner& operator=(Owner&& other) = delete;
  ~Owner() {
    if (handle != nullptr) destroy(handle);
  }
};
using Layout = Owner<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>;
using Description = Owner<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy>;
using Preference = Owner<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy>;

cudaDataType_t vendor_type(DType dtype) { return dtype == DType::bf16 ? CUDA_R_16BF : CUDA_R_32F; }

Layout layout(DType dtype, std::int64_t rows, std::int64_t columns) {
  Layout result;
  CUBLAS_TRY(cublasLtMatrixLayoutCreate(&result.handle, vendor_type(dtype),
                                        static_cast<std::uint64_t>(rows),
                                        static_cast<std::uint64_t>(columns), rows));
  return result;
}

// One stored matrix, column-major, and how it enters.
struct Factor {
  std::int64_t rows, columns;
  cublasOperation_t operation;
};

// result (m, n) = left * right, f32 sums.
class Product {
 public:
  Product(const Libraries& libraries, const ConvConfig& config, DType result, const Factor& left,
          const Factor& right)
      : Product(libraries, config.dtype, compute_type(config), result, left, right) {}

  std::size_t workspace_bytes() const { return algorithm_.workspaceSize; }

  void run(const Libraries& libraries, const Context& context, const void* left, const void* right,
           void* result, TensorView workspace) const {
    const float one = 1.0f;
    const float zero = 0.0f;
    CUBLAS_TRY(cublasLtMatmul(libraries.cublas(), description_.handle, &one, left, left_.handle,
                              right, right_.handle, &zero, result, result_.handle, result,
                              result_.handle, &algorithm_.algo, workspace.data,
                              algorithm_.workspaceSize, context.stream()));
  }

 private:
  // CUBLAS_COMPUTE_32F: true f32 products for f32, never TF32.
  static cublasComputeType_t compute_type(const ConvConfig& config) {
    const bool tf32 = config.policy.allow_tf32 && config.dtype == DType::f32;
    return tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
  }

  Product(const Libraries& libraries, DType dtype, cublasComputeType_t compute, DType result,
          const Factor& left, const Factor& right)
      : left_(layout(dtype, left.rows, left.columns)),
        right_(layout(dtype, right.rows, right.columns)),
        result_(layout(result, left.operation == CUBLAS_OP_N ? left.rows : left.columns,
                       right.operation == CUBLAS_OP_N ? right.columns : right.rows)) {
    CUBLAS_TRY(cublasLtMatmulDescCreate(&description_.handle, compute, CUDA_R_32F));
    CUBLAS_TRY(cublasLtMatmulDescSetAttribute(description_.handle, CUBLASLT_MATMUL_DESC_TRANSA,
                                              &left.operation, sizeof left.operation));
    CUBLAS_TRY(cublasLtMatmulDescSetAttribute(description_.handle, CUBLASLT_MATMUL_DESC_TRANSB,
                                              &right.operation, sizeof right.operation));
    choose(libraries);
  }

  void choose(const Libraries& libraries) {
    Preference preference;
    CUBLAS_TRY(cublasLtMatmulPreferenceCreate(&preference.handle));
    CUBLAS_TRY(cublasLtMatmulPreferenceSetAttribute(
        preference.handle, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &kMostWorkspaceBytes,
        sizeof kMostWorkspaceBytes));
    // Partial sums are added in the type that products are summed in, never in bf16.
    const std::uint32_t reductions =
        CUBLASLT_REDUCTION_SCHEME_NONE | CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    CUBLAS_TRY(cublasLtMatmulPreferenceSetAttribute(preference.handle,
                                                    CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
                                                    &reductions, sizeof reductions));
    const std::uint32_t alignment = 16;  // bytes that every tensor here is a multiple of
    for (const cublasLtMatmulPreferenceAttributes_t attribute :
         {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
      CUBLAS_TRY(cublasLtMatmulPreferenceSetAttribute(preference.handle, attribute, &alignment,
                                                      sizeof alignment));
    }
    int found = 0;
    CUBLAS_TRY(cublasLtMatmulAlgoGetHeuristic(libraries.cublas(), description_.handle, left_.handle,
                                              right_.handle, result_.handle, result_.handle,
                                              preference.handle, 1, &algorithm_, &found));
    if (found == 0) {
      fail(ErrorKind::unavailable, "conv: cuBLASLt has no algorithm for a matrix product");
    }
  }

  Description description_;
  Layout left_, right_, result_;
  cublasLtMatmulHeuristicResult_t algorithm_{};
};

class GemmPlan final : public ConvPlan {
 public:
  GemmPlan(const Context& context, const ConvConfig& config)
      : type_(config.spec.type),
        activation_(config.activation),
        libraries_(Libraries::of(context)) {
    const UnderlyingConv conv = underlying_of(config);
    const std::int64_t n = conv.image[0], k = conv.features[3];
    const std::int64_t l = conv.image[1] * conv.image[2] * conv.image[3];
    const auto product = [&](DType result, const Factor& left, const Factor& right) {
      return std::make_unique<Product>(*libraries_, config, result, left, right);
    };
    if (conv.products.forward) {  // features' = weights image'
      of(ConvPass::forward) = product(config.dtype, {l, k, CUBLAS_OP_T}, {l, n, CUBLAS_OP_N});
    }
    if (conv.products.backward_data) {  // image' = weights' features'
      of(ConvPass::backward_data) = product(config.dtype, {l, k, CUBLAS_OP_N}, {k, n, CUBLAS_OP_N});
    }
    if (conv.products.backward_weights) {  // dweights' = image' features
      of(ConvPass::backward_weights) =
          product(DType::f32, {l, n, CUBLAS_OP_N}, {k, n, CUBLAS_OP_T});
    }
  }

  std::size_t workspace_bytes(ConvPass pass) const override {
    const auto& product = products_[static_cast<std::size_t>(underlying_product(type_, pass))];
    return product ? product->workspace_bytes() : 0;
  }
  std::string describe() const override { return "cuBLASLt gemm"; }

  void forward(const Context& context, const ConvForward& tensors) override {
    run(context, ConvPass::forward, tensors.weights.data, tensors.x.data, tensors.y.data,
        tensors.workspace);
    add_bias_and_activate(context, tensors.y, tensors.bias, activation_);
  }

  void activation_backward(const Context& context, const ConvBackward& tensors) override {
    activation_backward_in_place(context, tensors.y, tensors.dy, activation_);
  }

  void backward_data(const Context& context, const ConvBackward& tensors) override {
    run(context, ConvPass::backward_data, tensors.weights.data, tensors.dy.data, tensors.dx.data,
        tensors.workspace);
  }

  void backward_weights(const Context& context, const ConvBackward& tensors) override {
    const auto [image, features] =
        image_and_features<const void*>(type_, tensors.x.data, tensors.dy.data);
    run(context, ConvPass::backward_weights, image, features, tensors.dweights.data,
        tensors.workspace);
  }

 private:
  /// By product of the underlying convolution.
  std::unique_ptr<Product>& of(ConvPass product) {
    return products_[static_cast<std::size_t>(product)];
  }
  void run(const Context& context, ConvPass pass, const void* left, const void* right, void* result,
           TensorView workspace) {
    of(underlying_product(type_, pass))->run(*libraries_, context, left, right, result, workspace);
  }

  ConvType type_;
  ActivationSpec activation_;
  std::shared_ptr<const Libraries> libraries_;
  std::array<std::unique_ptr<Product>, 3> products_;  // those that were planned
};

}  // namespace

std::unique_ptr<ConvPlan> plan_gemm(const Context& context, const ConvConfig& config) {
  return std::make_unique<GemmPlan>(context, config);
}

}  // namespace dcgan::cuda
