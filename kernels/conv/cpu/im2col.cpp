#include "kernels/conv/cpu/im2col.h"

#include "runtime/base/bf16.h"
#include "runtime/base/parallel.h"

namespace dcgan::cpu {

template <class T>
void im2col(const Im2colShape& s, const T* image, std::int64_t first, std::int64_t count,
            T* columns) {
  parallel_for(count, 32, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t pixel = first + i;
      const std::int64_t n = pixel / s.pixels_of_image();
      const std::int64_t top = pixel / s.out_width % s.out_height * s.stride - s.padding;
      const std::int64_t left = pixel % s.out_width * s.stride - s.padding;
      const std::int64_t from = std::clamp<std::int64_t>(-left, 0, s.kernel);
      const std::int64_t to = std::clamp<std::int64_t>(s.width - left, from, s.kernel);
      T* out = columns + i * s.length();
      for (std::int64_t r = 0; r < s.kernel; ++r, out += s.kernel * s.channels) {
        const std::int64_t h = top + r;
        if (h < 0 || h >= s.height) {
          std::fill_n(out, s.kernel * s.channels, T{});
          continue;
        }
        const T* row = image + ((n * s.height + h) * s.width + left) * s.channels;
        std::fill(out, out + from * s.channels, T{});
        std::copy(row + from * s.channels, row + to * s.channels, out + from * s.channels);
        std::fill(out + to * s.channels, out + s.kernel * s.channels, T{});
      }
    }
  });
}

std::int64_t padded_row(const Im2colShape& s) {
  return std::max((s.out_width - 1) * s.stride + s.kernel, s.width + s.padding) * s.channels;
}

template <class T>
void col2im(const Im2colShape& s, const float* columns, float* row, T* image) {
  const std::int64_t segment = s.kernel * s.channels;
  for (std::int64_t h = 0; h < s.height; ++h) {
    std::fill_n(row, padded_row(s), 0.0f);
    for (std::int64_t r = 0; r < s.kernel; ++r) {
      const std::int64_t above = h + s.padding - r;
      if (above < 0 || above % s.stride != 0 || above / s.stride >= s.out_height) continue;
      const float* from = columns + (above / s.stride * s.out_width * s.kernel + r) * segment;
      for (std::int64_t q = 0; q < s.out_width; ++q) {
        const float* __restrict added = from + q * s.kernel * segment;
        float* __restrict sum = row + q * s.stride * s.channels;
        for (std::int64_t i = 0; i < segment; ++i) sum[i] += added[i];
      }
    }
    const float* inside = row + s.padding * s.channels;
    T* out = image + h * s.width * s.channels;
    for (std::int64_t i = 0; i < s.width * s.channels; ++i) out[i] = static_cast<T>(inside[i]);
  }
}

template void im2col(const Im2colShape&, const float*, std::int64_t, std::int64_t, float*);
template void im2col(const Im2colShape&, const bf16*, std::int64_t, std::int64_t, bf16*);
template void col2im(const Im2colShape&, const float*, float*, float*);
template void col2im(const Im2colShape&, const float*, float*, bf16*);

}  // namespace dcgan::cpu
