// The bytes of a data set's images, wherever they are: decoded into memory, or in a mapped file.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace dcgan {

/// A span and what keeps it alive. Never written to: copies share it.
class PixelMemory {
 public:
  PixelMemory() = default;
  /// Takes over decoded pixels.
  PixelMemory(std::vector<std::uint8_t> pixels)  // NOLINT(google-explicit-constructor)
      : PixelMemory(std::make_shared<const std::vector<std::uint8_t>>(std::move(pixels))) {}
  /// `pixels` must be valid as long as `owner` lives; without an owner, as long as the caller says.
  PixelMemory(std::span<const std::uint8_t> pixels, std::shared_ptr<const void> owner)
      : owner_(std::move(owner)), pixels_(pixels) {}

  const std::uint8_t* data() const { return pixels_.data(); }
  std::size_t size() const { return pixels_.size(); }
  auto begin() const { return pixels_.begin(); }
  auto end() const { return pixels_.end(); }
  std::uint8_t operator[](std::size_t i) const { return pixels_[i]; }
  friend bool operator==(const PixelMemory& a, const PixelMemory& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  explicit PixelMemory(const std::shared_ptr<const std::vector<std::uint8_t>>& pixels)
      : owner_(pixels), pixels_(*pixels) {}

  std::shared_ptr<const void> owner_;
  std::span<const std::uint8_t> pixels_;
};

}  // namespace dcgan
