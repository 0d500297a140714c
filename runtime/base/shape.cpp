#include "runtime/base/shape.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "runtime/base/errors.h"

namespace dcgan {

Shape::Shape(std::initializer_list<std::int64_t> extents)
    : Shape(extents.begin(), static_cast<int>(extents.size())) {}

Shape::Shape(const std::int64_t* extents, int rank) : rank_(rank) {
  DCGAN_CHECK(rank <= kMaxRank, "shape: rank {} is above the limit of {}", rank, kMaxRank);
  for (int axis = 0; axis < rank; ++axis) {
    const std::int64_t extent = extents[axis];
    DCGAN_CHECK(extent >= 0, "shape: extent {} of axis {} is negative", extent, axis);
    DCGAN_CHECK(!__builtin_mul_overflow(elements_, extent, &elements_),
                "shape: element count overflows at axis {} (extent {})", axis, extent);
    extents_[static_cast<std::size_t>(axis)] = extent;
  }
}

Shape Shape::with_rows(std::int64_t rows) const {
  DCGAN_CHECK(rank_ > 0, "shape: a scalar has no rows");
  std::array<std::int64_t, kMaxRank> extents = extents_;
  extents[0] = rows;
  return Shape(extents.data(), rank_);
}

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ", "));
}

}  // namespace dcgan
