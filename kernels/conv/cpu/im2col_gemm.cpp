// Convolution passes as matrix products over patches, where that beats the library's convolution.
// With S (pixels, A), P (pixels, K) and weights W (A, K):
//   gather           S = P W^T          small images of many channels
//   scatter          P = S W, added up  few channels, where the library's vectors are mostly empty;
//                                       small images of many channels in bf16
//   weight_gradient  dW = S^T P         many channels
// Patches are made for a piece of the batch at a time. Processor time on one AMD core with
// AVX512-BF16, ms, library / patches, [128,8,8,256] <-> [128,4,4,512]: gather 70 / 42 (f32), 30 /
// 22 (bf16); scatter 36 / 22 (bf16); weights 82 / 47 (f32), 65 / 25 (bf16). [128,32,32,64] -> three
// channels: scatter 25 / 9 (f32). At 8 x 8 in bf16 scatter gains 4 % of a generator's forward pass,
// at 16 x 16 it loses 7 %.
#include <algorithm>
#include <utility>

#include "kernels/conv/cpu/algorithm.h"
#include "kernels/conv/cpu/im2col.h"
#include "kernels/vendor/onednn.h"
#include "runtime/base/parallel.h"

namespace dcgan::cpu {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;

/// Pixels whose patches are made at a time: enough for a product at full speed, and 16 MiB for the
/// widest layer of the usual networks.
constexpr std::int64_t kPiecePixels = 1024;

std::size_t aligned_bytes(std::int64_t elements, std::size_t element_bytes) {
  return (static_cast<std::size_t>(elements) * element_bytes + 63) / 64 * 64;
}

/// The products of the pieces of a batch: the first, those like it, and a shorter last one.
struct PieceProducts {
  std::int64_t pixels, piece;
  DnnlCall first, next, last;

  /// make(pixels of a piece, first or not).
  template <class Make>
  PieceProducts(std::int64_t all_pixels, const Make& make)
      : pixels(all_pixels),
        piece(std::min(all_pixels, kPiecePixels)),
        first(make(piece, Result::overwrite)) {
    if (pixels >= 2 * piece) next = make(piece, Result::accumulate);
    if (pixels % piece > 0) last = make(pixels % piece, Result::accumulate);
  }
  std::size_t scratchpad_bytes() const {
    return std::max({first.scratchpad_bytes(), next.scratchpad_bytes(), last.scratchpad_bytes()});
  }
  /// body(first pixel, pixels, product).
  template <class Body>
  void for_each(const Body& body) {
    for (std::int64_t pixel = 0; pixel < pixels; pixel += piece) {
      const std::int64_t count = std::min(piece, pixels - pixel);
      body(pixel, count, pixel == 0 ? first : count == piece ? next : last);
    }
  }
};

/// S = P W^T.
template <class T>
class PatchGather {
 public:
  explicit PatchGather(const PatchShape& shape)
      : shape_(shape), products_(shape.pixels(), [&](std::int64_t pixels, Result) {
          const auto type = dnnl_type(dtype_of<T>);
          const memory::dims left{pixels, shape.length()}, right{shape.length(), shape.outputs},
              result{pixels, shape.outputs};
          return make_product({left, type, Tag::ab}, {right, type, Tag::ba},
                              {result, type, Tag::ab});
        }) {}
  std::size_t workspace_bytes() const { return patch_bytes() + products_.scratchpad_bytes(); }
  void run(const T* big, const T* weights, T* small, std::byte* scratch) {
    auto* patches = reinterpret_cast<T*>(scratch);
    products_.for_each([&](std::int64_t pixel, std::int64_t count, DnnlCall& product) {
      make_patches(shape_, big, pixel, count, patches);
      product.run({patches, weights, small + pixel * shape_.outputs}, scratch + patch_bytes());
    });
  }

 private:
  std::size_t patch_bytes() const {
    return aligned_bytes(products_.piece * shape_.length(), sizeof(T));
  }
  PatchShape shape_;
  PieceProducts products_;
};

/// dweights = S^T P.
template <class T>
class PatchWeightGradient {
 public:
  explicit PatchWeightGradient(const PatchShape& shape)
      : shape_(shape), products_(shape.pixels(), [&](std::int64_t pixels, Result kind) {
          const auto type = dnnl_type(dtype_of<T>);
          const memory::dims left{shape.outputs, pixels}, right{pixels, shape.length()},
              result{shape.outputs, shape.length()};
          return make_product({left, type, Tag::ba}, {right, type, Tag::ab},
                              {result, memory::data_type::f32, Tag::ab}, kind);
        }) {}
  std::size_t workspace_bytes() const { return patch_bytes() + products_.scratchpad_bytes(); }
  void run(const T* big, const T* small, float* dweights, std::byte* scratch) {
    auto* patches = reinterpret_cast<T*>(scratch);
    products_.for_each([&](std::int64_t pixel, std::int64_t count, DnnlCall& product) {
      make_patches(shape_, big, pixel, count, patches);
      product.run({small + pixel * shape_.outputs, patches, dweights}, scratch + patch_bytes());
    });
  }

 private:
  std::size_t patch_bytes() const {
    return aligned_bytes(products_.piece * shape_.length(), sizeof(T));
  }
  PatchShape shape_;
  PieceProducts products_;
};

/// big = sum of S weights, piece by piece; sums in f32 for either type.
template <class T>
class PatchScatter {
 public:
  explicit PatchScatter(const PatchShape& shape)
      : shape_(shape),
        piece_(std::clamp<std::int64_t>(
            kScatterFloats / (shape.rows * shape.columns * shape.length()), 1, shape.images)),
        whole_(product(piece_)) {
    if (shape.images % piece_ > 0) last_ = product(shape.images % piece_);
  }
  std::size_t workspace_bytes() const {
    return patch_bytes() + row_bytes() +
           std::max(whole_.scratchpad_bytes(), last_.scratchpad_bytes());
  }
  void run(const T* small, const T* weights, T* big, std::byte* scratch) {
    auto* patches = reinterpret_cast<float*>(scratch);
    auto* rows = reinterpret_cast<float*>(scratch + patch_bytes());
    const std::int64_t pixels = shape_.rows * shape_.columns;
    const std::int64_t size = shape_.height * shape_.width * shape_.channels;
    for (std::int64_t image = 0; image < shape_.images; image += piece_) {
      const std::int64_t count = std::min(piece_, shape_.images - image);
      (count == piece_ ? whole_ : last_)
          .run({small + image * pixels * shape_.outputs, weights, patches},
               scratch + patch_bytes() + row_bytes());
      parallel_for(count, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          add_patches(shape_, patches + i * pixels * shape_.length(), rows + i * padded_row(shape_),
                      big + (image + i) * size);
        }
      });
    }
  }

 private:
  static constexpr std::int64_t kScatterFloats = 1 << 20;  // 4 MiB of patches at a time

  std::size_t patch_bytes() const {
    return aligned_bytes(piece_ * shape_.rows * shape_.columns * shape_.length(), sizeof(float));
  }
  std::size_t row_bytes() const {
    return aligned_bytes(piece_ * padded_row(shape_), sizeof(float));
  }
  DnnlCall product(std::int64_t images) const {
    const auto type = dnnl_type(dtype_of<T>);
    const std::int64_t pixels = images * shape_.rows * shape_.columns;
    const memory::dims left{pixels, shape_.outputs}, right{shape_.outputs, shape_.length()},
        result{pixels, shape_.length()};
    return make_product({left, type, Tag::ab}, {right, type, Tag::ab},
                        {result, memory::data_type::f32, Tag::ab});
  }

  PatchShape shape_;
  std::int64_t piece_;
  DnnlCall whole_, last_;
};

template <class T>
class PatchEngine final : public ConvEngine {
 public:
  PatchEngine(const ConvSides& sides, const ActivationSpec& activation)
      : library_(make_library_engine(sides, activation)) {
    const PatchShape shape(sides);
    const bool few_channels = shape.channels <= kFewChannels;
    const std::int64_t pixels = shape.rows * shape.columns;
    const bool small_image = pixels <= kFewPixels;
    if (few_channels || (sides.dtype == DType::bf16 && pixels <= kFewPixelsBf16Scatter))
      scatter_ = std::make_unique<PatchScatter<T>>(shape);
    if (!few_channels) weight_gradient_ = std::make_unique<PatchWeightGradient<T>>(shape);
    if (!few_channels && small_image) gather_ = std::make_unique<PatchGather<T>>(shape);
  }

  std::size_t workspace_bytes() const override {
    return std::max({library_->workspace_bytes(), gather_ ? gather_->workspace_bytes() : 0,
                     scatter_ ? scatter_->workspace_bytes() : 0,
                     weight_gradient_ ? weight_gradient_->workspace_bytes() : 0});
  }
  bool fuses_activation() const override { return !gather_ && library_->fuses_activation(); }

  void gather(const void* big, const void* weights, void* small, std::byte* scratch) override {
    if (!gather_) return library_->gather(big, weights, small, scratch);
    gather_->run(static_cast<const T*>(big), static_cast<const T*>(weights), static_cast<T*>(small),
                 scratch);
  }
  void scatter(const void* small, const void* weights, void* big, std::byte* scratch) override {
    if (!scatter_) return library_->scatter(small, weights, big, scratch);
    scatter_->run(static_cast<const T*>(small), static_cast<const T*>(weights),
                  static_cast<T*>(big), scratch);
  }
  void weight_gradient(const void* big, const void* small, float* dweights,
                       std::byte* scratch) override {
    if (!weight_gradient_) return library_->weight_gradient(big, small, dweights, scratch);
    weight_gradient_->run(static_cast<const T*>(big), static_cast<const T*>(small), dweights,
                          scratch);
  }
  std::string describe() const override {
    return fmt::format("{}; by patches:{}{}{}", library_->describe(), gather_ ? " gather" : "",
                       scatter_ ? " scatter" : "", weight_gradient_ ? " weights" : "");
  }

 private:
  static constexpr std::int64_t kFewChannels = 8;            // half a vector of the library's
  static constexpr std::int64_t kFewPixels = 16;             // 4 x 4
  static constexpr std::int64_t kFewPixelsBf16Scatter = 64;  // 8 x 8

  std::unique_ptr<ConvEngine> library_;
  std::unique_ptr<PatchGather<T>> gather_;
  std::unique_ptr<PatchScatter<T>> scatter_;
  std::unique_ptr<PatchWeightGradient<T>> weight_gradient_;
};

}  // namespace

std::unique_ptr<ConvEngine> make_patch_engine(const ConvSides& sides,
                                              const ActivationSpec& activation) {
  return with_dnnl_errors("conv", [&]() -> std::unique_ptr<ConvEngine> {
    if (sides.dtype == DType::bf16) return std::make_unique<PatchEngine<bf16>>(sides, activation);
    return std::make_unique<PatchEngine<float>>(sides, activation);
  });
}

}  // namespace dcgan::cpu
