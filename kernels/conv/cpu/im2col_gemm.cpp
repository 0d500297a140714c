// Convolution products as matrix products over the columns of im2col, where that beats the
// library's convolution. With F (pixels, K) the features, P (pixels, L) the columns and W (K, L)
// the weights:
//   forward           F = P W^T           small images of many channels
//   backward_data     P = F W, col2im     few channels, which leave the library's vectors mostly
//                                         empty; small images of many channels in bf16
//   backward_weights  dW = F^T P          many channels
// Columns are made for a piece of the batch at a time. Processor time on one AMD core with
// AVX512-BF16, ms, library / im2col, [128,8,8,256] <-> [128,4,4,512]: forward 70 / 42 (f32), 30 /
// 22 (bf16); backward_data 36 / 22 (bf16); backward_weights 82 / 47 (f32), 65 / 25 (bf16).
// [128,32,32,64] -> three channels: backward_data 25 / 9 (f32). At 8 x 8 in bf16 backward_data
// gains 4 % of a generator's forward pass, at 16 x 16 it loses 7 %.
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

/// Pixels whose columns are made at a time: enough for a product at full speed, and 16 MiB for the
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

/// F = P W^T.
template <class T>
class Im2colForward {
 public:
  explicit Im2colForward(const Im2colShape& shape)
      : shape_(shape), products_(shape.pixels(), [&](std::int64_t pixels, Result) {
          const auto type = dnnl_type(dtype_of<T>);
          const memory::dims left{pixels, shape.length()}, right{shape.length(), shape.features},
              result{pixels, shape.features};
          return make_product({left, type, Tag::ab}, {right, type, Tag::ba},
                              {result, type, Tag::ab});
        }) {}
  std::size_t workspace_bytes() const { return column_bytes() + products_.scratchpad_bytes(); }
  void run(const T* image, const T* weights, T* features, std::byte* scratch) {
    auto* columns = reinterpret_cast<T*>(scratch);
    products_.for_each([&](std::int64_t pixel, std::int64_t count, DnnlCall& product) {
      im2col(shape_, image, pixel, count, columns);
      product.run({columns, weights, features + pixel * shape_.features}, scratch + column_bytes());
    });
  }

 private:
  std::size_t column_bytes() const {
    return aligned_bytes(products_.piece * shape_.length(), sizeof(T));
  }
  Im2colShape shape_;
  PieceProducts products_;
};

/// dweights = F^T P.
template <class T>
class Im2colBackwardWeights {
 public:
  explicit Im2colBackwardWeights(const Im2colShape& shape)
      : shape_(shape), products_(shape.pixels(), [&](std::int64_t pixels, Result kind) {
          const auto type = dnnl_type(dtype_of<T>);
          const memory::dims left{shape.features, pixels}, right{pixels, shape.length()},
              result{shape.features, shape.length()};
          return make_product({left, type, Tag::ba}, {right, type, Tag::ab},
                              {result, memory::data_type::f32, Tag::ab}, kind);
        }) {}
  std::size_t workspace_bytes() const { return column_bytes() + products_.scratchpad_bytes(); }
  void run(const T* image, const T* features, float* dweights, std::byte* scratch) {
    auto* columns = reinterpret_cast<T*>(scratch);
    products_.for_each([&](std::int64_t pixel, std::int64_t count, DnnlCall& product) {
      im2col(shape_, image, pixel, count, columns);
      product.run({features + pixel * shape_.features, columns, dweights},
                  scratch + column_bytes());
    });
  }

 private:
  std::size_t column_bytes() const {
    return aligned_bytes(products_.piece * shape_.length(), sizeof(T));
  }
  Im2colShape shape_;
  PieceProducts products_;
};

/// image = col2im(F W), a piece of the batch at a time; sums in f32 for either type.
template <class T>
class Col2imBackwardData {
 public:
  explicit Col2imBackwardData(const Im2colShape& shape)
      : shape_(shape),
        piece_(std::clamp<std::int64_t>(kPieceFloats / (shape.pixels_of_image() * shape.length()),
                                        1, shape.images)),
        whole_(product(piece_)) {
    if (shape.images % piece_ > 0) last_ = product(shape.images % piece_);
  }
  std::size_t workspace_bytes() const {
    return column_bytes() + row_bytes() +
           std::max(whole_.scratchpad_bytes(), last_.scratchpad_bytes());
  }
  void run(const T* features, const T* weights, T* image, std::byte* scratch) {
    auto* columns = reinterpret_cast<float*>(scratch);
    auto* rows = reinterpret_cast<float*>(scratch + column_bytes());
    const std::int64_t pixels = shape_.pixels_of_image();
    const std::int64_t size = shape_.height * shape_.width * shape_.channels;
    for (std::int64_t first = 0; first < shape_.images; first += piece_) {
      const std::int64_t count = std::min(piece_, shape_.images - first);
      (count == piece_ ? whole_ : last_)
          .run({features + first * pixels * shape_.features, weights, columns},
               scratch + column_bytes() + row_bytes());
      parallel_for(count, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          col2im(shape_, columns + i * pixels * shape_.length(), rows + i * padded_row(shape_),
                 image + (first + i) * size);
        }
      });
    }
  }

 private:
  static constexpr std::int64_t kPieceFloats = 1 << 20;  // 4 MiB of columns at a time

  std::size_t column_bytes() const {
    return aligned_bytes(piece_ * shape_.pixels_of_image() * shape_.length(), sizeof(float));
  }
  std::size_t row_bytes() const {
    return aligned_bytes(piece_ * padded_row(shape_), sizeof(float));
  }
  DnnlCall product(std::int64_t images) const {
    const auto type = dnnl_type(dtype_of<T>);
    const std::int64_t pixels = images * shape_.pixels_of_image();
    const memory::dims left{pixels, shape_.features}, right{shape_.features, shape_.length()},
        result{pixels, shape_.length()};
    return make_product({left, type, Tag::ab}, {right, type, Tag::ab},
                        {result, memory::data_type::f32, Tag::ab});
  }

  Im2colShape shape_;
  std::int64_t piece_;
  DnnlCall whole_, last_;
};

template <class T>
class Im2colAlgorithm final : public ConvAlgorithm {
 public:
  Im2colAlgorithm(const UnderlyingConv& conv, const ActivationSpec& activation) {
    const Im2colShape shape(conv);
    const bool few_channels = shape.channels <= kFewChannels;
    const std::int64_t pixels = shape.pixels_of_image();
    const bool bf16_few_pixels = conv.dtype == DType::bf16 && pixels <= kFewPixelsBf16Data;
    UnderlyingConv rest = conv;  // what the library computes
    const auto take = [](bool& wanted, bool faster) {
      const bool taken = wanted && faster;
      wanted = wanted && !faster;
      return taken;
    };
    if (take(rest.products.forward, !few_channels && pixels <= kFewPixels)) {
      forward_ = std::make_unique<Im2colForward<T>>(shape);
    }
    if (take(rest.products.backward_data, few_channels || bf16_few_pixels)) {
      backward_data_ = std::make_unique<Col2imBackwardData<T>>(shape);
    }
    if (take(rest.products.backward_weights, !few_channels)) {
      backward_weights_ = std::make_unique<Im2colBackwardWeights<T>>(shape);
    }
    library_ = make_library(rest, activation);
  }

  std::size_t workspace_bytes(ConvPass product) const override {
    if (product == ConvPass::forward && forward_) return forward_->workspace_bytes();
    if (product == ConvPass::backward_data && backward_data_) {
      return backward_data_->workspace_bytes();
    }
    if (product == ConvPass::backward_weights && backward_weights_) {
      return backward_weights_->workspace_bytes();
    }
    return library_->workspace_bytes(product);
  }
  bool fuses_activation() const override { return !forward_ && library_->fuses_activation(); }

  void forward(const void* image, const void* weights, void* features,
               std::byte* scratch) override {
    if (!forward_) return library_->forward(image, weights, features, scratch);
    forward_->run(static_cast<const T*>(image), static_cast<const T*>(weights),
                  static_cast<T*>(features), scratch);
  }
  void backward_data(const void* features, const void* weights, void* image,
                     std::byte* scratch) override {
    if (!backward_data_) return library_->backward_data(features, weights, image, scratch);
    backward_data_->run(static_cast<const T*>(features), static_cast<const T*>(weights),
                        static_cast<T*>(image), scratch);
  }
  void backward_weights(const void* image, const void* features, float* dweights,
                        std::byte* scratch) override {
    if (!backward_weights_) return library_->backward_weights(image, features, dweights, scratch);
    backward_weights_->run(static_cast<const T*>(image), static_cast<const T*>(features), dweights,
                           scratch);
  }
  std::string describe() const override {
    return fmt::format("oneDNN{}; im2col:{}{}{}", library_->describe(), forward_ ? " forward" : "",
                       backward_data_ ? " backward_data" : "",
                       backward_weights_ ? " backward_weights" : "");
  }

 private:
  static constexpr std::int64_t kFewChannels = 8;         // half a vector of the library's
  static constexpr std::int64_t kFewPixels = 16;          // 4 x 4
  static constexpr std::int64_t kFewPixelsBf16Data = 64;  // 8 x 8

  std::unique_ptr<ConvAlgorithm> library_;
  std::unique_ptr<Im2colForward<T>> forward_;
  std::unique_ptr<Col2imBackwardData<T>> backward_data_;
  std::unique_ptr<Im2colBackwardWeights<T>> backward_weights_;
};

}  // namespace

std::unique_ptr<ConvAlgorithm> make_im2col(const UnderlyingConv& conv,
                                           const ActivationSpec& activation) {
  return with_dnnl_errors("conv", [&]() -> std::unique_ptr<ConvAlgorithm> {
    if (conv.dtype == DType::bf16) return std::make_unique<Im2colAlgorithm<bf16>>(conv, activation);
    return std::make_unique<Im2colAlgorithm<float>>(conv, activation);
  });
}

}  // namespace dcgan::cpu
