#include "kernels/common/cpu_loops.h"
#include "kernels/input/image_batch_variants.h"
#include "runtime/base/parallel.h"

namespace dcgan::cpu {
namespace {

/// Each operation rounded, as torchvision's; the division by 1/2 is exact.
inline float normalised(std::uint8_t value) {
  return (static_cast<float>(value) / 255.0f - 0.5f) / 0.5f;
}

/// (x + 1) / 2 in [0, 1], NaN to 0, then to the nearest of 0..255, halves up.
inline std::uint8_t quantised(float x) {
  const float unit = (x + 1.0f) * 0.5f;
  const float above = unit > 0.0f ? unit : 0.0f;  // false for NaN
  const float clamped = above < 1.0f ? above : 1.0f;
  return static_cast<std::uint8_t>(static_cast<std::int32_t>(clamped * 255.0f + 0.5f));
}

template <class T>
void copy_image(const std::uint8_t* image, T* out, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = static_cast<T>(normalised(image[i]));
}

template <class T>
void mirror_image(const std::uint8_t* image, T* out, const Shape& shape) {
  const std::int64_t height = shape[1];
  const std::int64_t width = shape[2];
  const std::int64_t channels = shape[3];
  for (std::int64_t row = 0; row < height; ++row) {
    for (std::int64_t column = 0; column < width; ++column) {
      const std::uint8_t* from = image + (row * width + width - 1 - column) * channels;
      T* to = out + (row * width + column) * channels;
      for (std::int64_t c = 0; c < channels; ++c) to[c] = static_cast<T>(normalised(from[c]));
    }
  }
}

void check_indices(const std::int64_t* indices, std::int64_t count, std::int64_t images) {
  for (std::int64_t n = 0; n < count; ++n) {
    DCGAN_CHECK(indices[n] >= 0 && indices[n] < images,
                "gather_images: index {} at place {} is not one of {} images", indices[n], n,
                images);
  }
}

}  // namespace

void gather_images(const Context& /*context*/, ConstTensorView images, ConstTensorView indices,
                   ConstTensorView flips, TensorView out) {
  const Shape& shape = out.shape;
  const std::int64_t size = shape[1] * shape[2] * shape[3];
  const auto* from = images.as<std::uint8_t>();
  const auto* index = indices.as<std::int64_t>();
  const std::uint8_t* flip = flips.empty() ? nullptr : flips.as<std::uint8_t>();
  check_indices(index, shape[0], images.shape[0]);
  with_float_type(out.dtype, [&]<class T>() {
    T* to = out.as<T>();
    parallel_for(shape[0], 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n) {
        const std::uint8_t* image = from + index[n] * size;
        if (flip != nullptr && flip[n] != 0) {
          mirror_image(image, to + n * size, shape);
        } else {
          copy_image(image, to + n * size, size);
        }
      }
    });
  });
}

void images_to_uint8(const Context& /*context*/, ConstTensorView x, TensorView y) {
  auto* to = y.as<std::uint8_t>();
  with_float_type(x.dtype, [&]<class T>() {
    const T* from = x.as<T>();
    parallel_for(x.elements(), kElementGrain, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) to[i] = quantised(static_cast<float>(from[i]));
    });
  });
}

}  // namespace dcgan::cpu
