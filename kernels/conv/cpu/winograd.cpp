// Winograd's algorithm: transforms, and nine matrix products in one call.
#include <algorithm>
#include <utility>

#include "kernels/conv/cpu/algorithm.h"
#include "kernels/conv/cpu/winograd_transform.h"
#include "kernels/vendor/onednn.h"

namespace dcgan::cpu {
namespace {

using dnnl::memory;

/// Tiles transformed at a time: enough rows for the products, few enough to stay in the caches.
constexpr std::int64_t kPieceTiles = 128;

std::size_t points_bytes(std::int64_t rows, std::int64_t row) {
  return static_cast<std::size_t>(WinogradShape::kPoints * rows * row) * sizeof(float);
}

class WinogradAlgorithm final : public ConvAlgorithm {
 public:
  explicit WinogradAlgorithm(const UnderlyingConv& conv)
      : shape_(conv),
        wanted_(conv.products),
        images_(conv.image[0]),
        piece_(std::clamp<std::int64_t>(kPieceTiles / shape_.image_tiles(), 1, images_)),
        whole_(products(piece_, Result::overwrite)),
        more_(images_ >= 2 * piece_ ? products(piece_, Result::accumulate) : Products{}),
        last_(images_ % piece_ > 0 ? products(images_ % piece_, Result::accumulate) : Products{}) {}

  std::size_t workspace_bytes(ConvPass product) const override {
    return point_bytes() +
           std::max({whole_.scratchpad_bytes(product), more_.scratchpad_bytes(product),
                     last_.scratchpad_bytes(product)});
  }

  void forward(const void* image, const void* weights, void* features,
               std::byte* scratch) override {
    const Scratch at = parts(scratch);
    weights_to_points(shape_, static_cast<const float*>(weights), at.v);
    for_pieces([&](std::int64_t first, std::int64_t count, Products& products) {
      image_to_points(shape_, static_cast<const float*>(image) + first * shape_.image_elements(),
                      count, at.u);
      products.forward.run({at.u, at.v, at.m}, at.scratchpad);
      points_to_features(shape_, at.m, count,
                         static_cast<float*>(features) + first * shape_.feature_elements());
    });
  }
  void backward_data(const void* features, const void* weights, void* image,
                     std::byte* scratch) override {
    const Scratch at = parts(scratch);
    weights_to_points(shape_, static_cast<const float*>(weights), at.v);
    for_pieces([&](std::int64_t first, std::int64_t count, Products& products) {
      features_to_points(shape_,
                         static_cast<const float*>(features) + first * shape_.feature_elements(),
                         count, at.m);
      products.backward_data.run({at.m, at.v, at.u}, at.scratchpad);
      points_to_image(shape_, at.u, count,
                      static_cast<float*>(image) + first * shape_.image_elements());
    });
  }
  void backward_weights(const void* image, const void* features, float* dweights,
                        std::byte* scratch) override {
    const Scratch at = parts(scratch);
    for_pieces([&](std::int64_t first, std::int64_t count, Products& products) {
      image_to_points(shape_, static_cast<const float*>(image) + first * shape_.image_elements(),
                      count, at.u);
      features_to_points(shape_,
                         static_cast<const float*>(features) + first * shape_.feature_elements(),
                         count, at.m);
      products.backward_weights.run({at.m, at.u, at.v}, at.scratchpad);
    });
    points_to_weights(shape_, at.v, dweights);
  }
  std::string describe() const override { return "Winograd F(2x2, 2x2) on 4 phases"; }

 private:
  /// The matrix products for a number of images; those of the weights overwrite or add.
  struct Products {
    DnnlCall forward, backward_data, backward_weights;
    std::size_t scratchpad_bytes(ConvPass product) const {
      switch (product) {
        case ConvPass::forward:
          return forward.scratchpad_bytes();
        case ConvPass::backward_data:
          return backward_data.scratchpad_bytes();
        case ConvPass::backward_weights:
          break;
      }
      return backward_weights.scratchpad_bytes();
    }
  };
  struct Scratch {
    float* v;
    float* u;
    float* m;
    std::byte* scratchpad;
  };

  Products products(std::int64_t images, Result weights) const {
    constexpr std::int64_t kPoints = WinogradShape::kPoints;
    constexpr auto kType = memory::data_type::f32;
    const std::int64_t tiles = images * shape_.image_tiles();
    const std::int64_t inner = 4 * shape_.channels, filters = shape_.filters;
    const auto matrices = [](std::int64_t rows, std::int64_t columns, std::int64_t row) {
      return memory::desc({kPoints, rows, columns}, kType, memory::dims{rows * row, row, 1});
    };
    const auto transposed = [](std::int64_t rows, std::int64_t columns, std::int64_t row) {
      return memory::desc({kPoints, columns, rows}, kType, memory::dims{rows * row, 1, row});
    };
    const memory::desc u = matrices(tiles, inner, shape_.image_row());
    const memory::desc v = matrices(filters, inner, shape_.image_row());
    const memory::desc m = matrices(tiles, filters, shape_.feature_row());
    const memory::desc v_transposed = transposed(filters, inner, shape_.image_row());
    const memory::desc m_transposed = transposed(tiles, filters, shape_.feature_row());
    Products made;
    if (wanted_.forward) made.forward = make_product(u, v_transposed, m);
    if (wanted_.backward_data) made.backward_data = make_product(m, v, u);
    if (wanted_.backward_weights) {
      made.backward_weights = make_product(m_transposed, u, v, weights);
    }
    return made;
  }

  std::int64_t piece_tiles() const { return piece_ * shape_.image_tiles(); }
  std::size_t v_bytes() const { return points_bytes(shape_.filters, shape_.image_row()); }
  std::size_t u_bytes() const { return points_bytes(piece_tiles(), shape_.image_row()); }
  std::size_t m_bytes() const { return points_bytes(piece_tiles(), shape_.feature_row()); }
  std::size_t point_bytes() const { return v_bytes() + u_bytes() + m_bytes(); }
  Scratch parts(std::byte* scratch) const {
    std::byte* const u = scratch + v_bytes();
    std::byte* const m = u + u_bytes();
    return {reinterpret_cast<float*>(scratch), reinterpret_cast<float*>(u),
            reinterpret_cast<float*>(m), scratch + point_bytes()};
  }

  /// body(first image, images, their products).
  template <class Body>
  void for_pieces(const Body& body) {
    for (std::int64_t first = 0; first < images_; first += piece_) {
      const std::int64_t count = std::min(piece_, images_ - first);
      body(first, count, first == 0 ? whole_ : count == piece_ ? more_ : last_);
    }
  }

  WinogradShape shape_;
  ConvPasses wanted_;
  std::int64_t images_;
  std::int64_t piece_;  // images transformed at a time
  Products whole_, more_, last_;
};

}  // namespace

bool winograd_pays(const UnderlyingConv& conv) {
  if (!WinogradShape::fits(conv)) return false;
  // The weights are transformed at every call: their 36 values a channel pair against 7 products
  // saved a tile. And below 64 channels the transforms weigh as much as what they save.
  constexpr std::int64_t kFewTiles = 256, kFewChannels = 64;
  return conv.image[0] * conv.features[1] / 2 * conv.features[2] / 2 >= kFewTiles &&
         std::min(conv.image[3], conv.features[3]) >= kFewChannels;
}

std::unique_ptr<ConvAlgorithm> make_winograd(const UnderlyingConv& conv) {
  return with_dnnl_errors("conv", [&]() -> std::unique_ptr<ConvAlgorithm> {
    return std::make_unique<WinogradAlgorithm>(conv);
  });
}

}  // namespace dcgan::cpu
