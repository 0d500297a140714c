#include "kernels/common/cpu_loops.h"
#include "kernels/input/image_batch_variants.h"
#include "kernels/input/image_terms.h"
#include "runtime/base/parallel.h"

namespace dcgan::cpu {
namespace {

/// Each operation rounded, as torchvision's; the division by 1/2 is exact.
inline float normalised(std::uint8_t value) {
  return (static_cast<float>(value) / 255.0f - 0.5f) / 0.5f;
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

/// place_of(n): which image, and whether it is mirrored.
struct Place {
  std::int64_t index;
  bool flip;
};

template <class PlaceOf>
void gather(ConstTensorView images, TensorView out, const PlaceOf& place_of) {
  const Shape& shape = out.shape;
  const std::int64_t size = shape[1] * shape[2] * shape[3];
  const auto* from = images.as<std::uint8_t>();
  for (std::int64_t n = 0; n < shape[0]; ++n) {
    const std::int64_t index = place_of(n).index;
    DCGAN_CHECK(index >= 0 && index < images.shape[0],
                "gather_images: index {} at place {} is not one of {} images", index, n,
                images.shape[0]);
  }
  with_float_type(out.dtype, [&]<class T>() {
    T* to = out.as<T>();
    parallel_for(shape[0], 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n) {
        const Place place = place_of(n);
        const std::uint8_t* image = from + place.index * size;
        if (place.flip) {
          mirror_image(image, to + n * size, shape);
        } else {
          copy_image(image, to + n * size, size);
        }
      }
    });
  });
}

}  // namespace

void gather_images(const Context& /*context*/, ConstTensorView images, ConstTensorView indices,
                   ConstTensorView flips, TensorView out) {
  const auto* index = indices.as<std::int64_t>();
  const std::uint8_t* flip = flips.empty() ? nullptr : flips.as<std::uint8_t>();
  gather(images, out, [=](std::int64_t n) {
    return Place{index[n], flip != nullptr && flip[n] != 0};
  });
}

void gather_scheduled_images(const Context& /*context*/, ConstTensorView images,
                             const ImageSchedule& schedule, TensorView out) {
  const std::int64_t update = *schedule.number.as<std::int64_t>();
  const std::int64_t epoch = update / schedule.updates_per_epoch;
  const std::int64_t row = epoch % schedule.order.shape[0];
  const std::int64_t* entries = schedule.order.as<std::int64_t>() + row * schedule.order.shape[1] +
                                update % schedule.updates_per_epoch * schedule.stride +
                                schedule.first;
  gather(images, out, [=](std::int64_t n) { return Place{entries[n] / 2, entries[n] % 2 != 0}; });
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
