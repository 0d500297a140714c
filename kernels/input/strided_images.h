// Images into memory that is not ours: other types, layouts and strides, at the door.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/tensor.h"
#include "runtime/device/context.h"

namespace dcgan {

/// What a caller's memory holds. f16 exists here only (runtime/base/f16.h).
enum class ImageType { f32, bf16, f16, u8 };

constexpr std::string_view name_of(ImageType type) {
  constexpr std::string_view kNames[] = {"f32", "bf16", "f16", "u8"};
  return kNames[static_cast<int>(type)];
}
constexpr std::size_t size_of(ImageType type) {
  constexpr std::size_t kBytes[] = {4, 2, 2, 1};
  return kBytes[static_cast<int>(type)];
}

struct StridedImages {
  void* data = nullptr;  ///< of element (0, 0, 0, 0), aligned to the type
  Shape shape;           ///< (N, H, W, C), whatever the order in memory
  /// Elements from one to the next along N, H, W and C. Any sign: -1 turns an axis round.
  std::array<std::int64_t, 4> strides{};
  ImageType type = ImageType::f32;

  StridedImages rows(std::int64_t first, std::int64_t count) const;
};

/// Strides without gaps, for memory in the order N, H, W, C or N, C, H, W.
std::array<std::int64_t, 4> channels_last_strides(const Shape& shape);
std::array<std::int64_t, 4> channels_first_strides(const Shape& shape);

/// The same memory as a tensor of ours, where it is one: in the order N, H, W, C without gaps, no
/// f16.
std::optional<TensorView> as_tensor(const StridedImages& images);

/// What is wrong with the strides, or "": their reach must fit 64 bits, and each must reach over
/// everything that the smaller ones span, so that no two elements share a place.
std::string fault_of_strides(const StridedImages& images);

/// y[n, h, w, c] = x[n, h, w, c], (N, H, W, C) f32 or bf16, in y's type:
///   f32         the value
///   bf16, f16   rounded to nearest, ties to even
///   u8          as images_to_uint8() (image_batch.h)
/// Elements of y's memory between those of its shape are not touched. Enqueued. Throws
/// Error(internal) when shapes differ, when x and the span of y's memory overlap, and as
/// fault_of_strides() says.
void store_images(const Context& context, ConstTensorView x, const StridedImages& y);

}  // namespace dcgan
