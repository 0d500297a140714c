// Shapes: up to five extents, outermost first.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace dcgan {

class Shape {
 public:
  static constexpr int kMaxRank = 5;

  Shape() = default;  ///< rank 0: a scalar, one element
  Shape(std::initializer_list<std::int64_t> extents);
  /// From an array of `rank` extents. Throws when rank > kMaxRank or an extent is negative.
  Shape(const std::int64_t* extents, int rank);

  int rank() const { return rank_; }
  std::int64_t operator[](int axis) const { return extents_[static_cast<std::size_t>(axis)]; }
  /// Product of the extents (1 for rank 0). The constructor has checked that it fits.
  std::int64_t elements() const { return elements_; }
  /// The same shape with another outermost extent.
  Shape with_rows(std::int64_t rows) const;

  const std::int64_t* begin() const { return extents_.data(); }
  const std::int64_t* end() const { return extents_.data() + rank_; }
  friend bool operator==(const Shape& a, const Shape& b) {
    return a.rank_ == b.rank_ && a.extents_ == b.extents_;
  }

 private:
  std::array<std::int64_t, kMaxRank> extents_{};
  std::int64_t elements_ = 1;
  int rank_ = 0;
};

/// "[64, 4, 4, 512]", for messages and tables.
std::string to_string(const Shape& shape);

}  // namespace dcgan
