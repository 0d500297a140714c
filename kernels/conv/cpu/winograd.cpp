// Convolution passes by minimal filtering: transforms, and nine matrix products in one call.
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
  return static_cast<std::size_t>(FilteringShape::kPoints * rows * row) * sizeof(float);
}

class FilteringEngine final : public ConvEngine {
 public:
  explicit FilteringEngine(const ConvSides& sides)
      : shape_(sides),
        images_(sides.big[0]),
        piece_(std::clamp<std::int64_t>(kPieceTiles / shape_.image_tiles(), 1, images_)),
        whole_(products(piece_, Result::overwrite)),
        more_(images_ >= 2 * piece_ ? products(piece_, Result::accumulate) : Products{}),
        last_(images_ % piece_ > 0 ? products(images_ % piece_, Result::accumulate) : Products{}) {}

  std::size_t workspace_bytes() const override {
    return point_bytes() + std::max({whole_.scratchpad_bytes(), more_.scratchpad_bytes(),
                                     last_.scratchpad_bytes()});
  }

  void gather(const void* big, const void* weights, void* small, std::byte* scratch) override {
    const Scratch at = parts(scratch);
    weights_to_points(shape_, static_cast<const float*>(weights), at.v);
    for_pieces([&](std::int64_t first, std::int64_t count, Products& products) {
      big_to_points(shape_, static_cast<const float*>(big) + first * shape_.big_elements(), count,
                    at.u);
      products.gather.run({at.u, at.v, at.m}, at.scratchpad);
      points_to_small(shape_, at.m, count,
                      static_cast<float*>(small) + first * shape_.small_elements());
    });
  }
  void scatter(const void* small, const void* weights, void* big, std::byte* scratch) override {
    const Scratch at = parts(scratch);
    weights_to_points(shape_, static_cast<const float*>(weights), at.v);
    for_pieces([&](std::int64_t first, std::int64_t count, Products& products) {
      small_to_points(shape_, static_cast<const float*>(small) + first * shape_.small_elements(),
                      count, at.m);
      products.scatter.run({at.m, at.v, at.u}, at.scratchpad);
      points_to_big(shape_, at.u, count, static_cast<float*>(big) + first * shape_.big_elements());
    });
  }
  void weight_gradient(const void* big, const void* small, float* dweights,
                       std::byte* scratch) override {
    const Scratch at = parts(scratch);
    for_pieces([&](std::int64_t first, std::int64_t count, Products& products) {
      big_to_points(shape_, static_cast<const float*>(big) + first * shape_.big_elements(), count,
                    at.u);
      small_to_points(shape_, static_cast<const float*>(small) + first * shape_.small_elements(),
                      count, at.m);
      products.weights.run({at.m, at.u, at.v}, at.scratchpad);
    });
    points_to_weights(shape_, at.v, dweights);
  }
  std::string describe() const override { return "minimal filtering F(2x2, 2x2) on 4 phases"; }

 private:
  /// The passes' products for a number of images; the weight gradient's overwrites or adds.
  struct Products {
    DnnlCall gather, scatter, weights;
    std::size_t scratchpad_bytes() const {
      return std::max(
          {gather.scratchpad_bytes(), scatter.scratchpad_bytes(), weights.scratchpad_bytes()});
    }
  };
  struct Scratch {
    float* v;
    float* u;
    float* m;
    std::byte* scratchpad;
  };

  Products products(std::int64_t images, Result weights) const {
    constexpr std::int64_t kPoints = FilteringShape::kPoints;
    constexpr auto kType = memory::data_type::f32;
    const std::int64_t tiles = images * shape_.image_tiles();
    const std::int64_t inner = 4 * shape_.channels, outputs = shape_.outputs;
    const auto matrices = [](std::int64_t rows, std::int64_t columns, std::int64_t row) {
      return memory::desc({kPoints, rows, columns}, kType, memory::dims{rows * row, row, 1});
    };
    const auto transposed = [](std::int64_t rows, std::int64_t columns, std::int64_t row) {
      return memory::desc({kPoints, columns, rows}, kType, memory::dims{rows * row, 1, row});
    };
    const memory::desc u = matrices(tiles, inner, shape_.big_row());
    const memory::desc v = matrices(outputs, inner, shape_.big_row());
    const memory::desc m = matrices(tiles, outputs, shape_.small_row());
    const memory::desc v_transposed = transposed(outputs, inner, shape_.big_row());
    const memory::desc m_transposed = transposed(tiles, outputs, shape_.small_row());
    return {make_product(u, v_transposed, m), make_product(m, v, u),
            make_product(m_transposed, u, v, weights)};
  }

  std::int64_t piece_tiles() const { return piece_ * shape_.image_tiles(); }
  std::size_t v_bytes() const { return points_bytes(shape_.outputs, shape_.big_row()); }
  std::size_t u_bytes() const { return points_bytes(piece_tiles(), shape_.big_row()); }
  std::size_t m_bytes() const { return points_bytes(piece_tiles(), shape_.small_row()); }
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

  FilteringShape shape_;
  std::int64_t images_;
  std::int64_t piece_;  // images transformed at a time
  Products whole_, more_, last_;
};

}  // namespace

bool filtering_pays(const ConvSides& sides) {
  if (!FilteringShape::fits(sides)) return false;
  // The weights are transformed at every call: their 36 values a channel pair against 7 products
  // saved a tile. And below 64 channels the transforms weigh as much as what they save.
  constexpr std::int64_t kFewTiles = 256, kFewChannels = 64;
  return sides.big[0] * sides.small[1] / 2 * sides.small[2] / 2 >= kFewTiles &&
         std::min(sides.big[3], sides.small[3]) >= kFewChannels;
}

std::unique_ptr<ConvEngine> make_filtering_engine(const ConvSides& sides) {
  return with_dnnl_errors("conv", [&]() -> std::unique_ptr<ConvEngine> {
    return std::make_unique<FilteringEngine>(sides);
  });
}

}  // namespace dcgan::cpu
