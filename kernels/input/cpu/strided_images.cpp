#include "kernels/common/cpu_loops.h"
#include "kernels/input/image_terms.h"
#include "kernels/input/strided_images_variants.h"
#include "runtime/base/f16.h"
#include "runtime/base/parallel.h"

namespace dcgan::cpu {
namespace {

template <class To>
To stored(float value) {
  return static_cast<To>(value);
}
template <>
std::uint8_t stored(float value) {
  return quantised(value);
}

/// One line of W pixels, channel by channel: planes are then written in order.
template <class From, class To>
void store_line(const From* x, To* y, const StridedImages& images) {
  const std::int64_t width = images.shape[2];
  const std::int64_t channels = images.shape[3];
  const std::int64_t across = images.strides[2];
  for (std::int64_t c = 0; c < channels; ++c) {
    To* to = y + c * images.strides[3];
    for (std::int64_t w = 0; w < width; ++w) {
      to[w * across] = stored<To>(static_cast<float>(x[w * channels + c]));
    }
  }
}

template <class From, class To>
void store(const From* x, To* y, const StridedImages& images) {
  const Shape& shape = images.shape;
  const std::int64_t line = shape[2] * shape[3];
  parallel_for(shape[0] * shape[1], 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t at = i / shape[1] * images.strides[0] + i % shape[1] * images.strides[1];
      store_line(x + i * line, y + at, images);
    }
  });
}

}  // namespace

void store_images(const Context& /*context*/, ConstTensorView x, const StridedImages& y) {
  with_float_type(x.dtype, [&]<class From>() {
    const From* from = x.as<From>();
    switch (y.type) {
      case ImageType::f32:
        return store(from, static_cast<float*>(y.data), y);
      case ImageType::bf16:
        return store(from, static_cast<bf16*>(y.data), y);
      case ImageType::f16:
        return store(from, static_cast<f16*>(y.data), y);
      case ImageType::u8:
        return store(from, static_cast<std::uint8_t*>(y.data), y);
    }
  });
}

}  // namespace dcgan::cpu
