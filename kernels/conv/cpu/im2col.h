// im2col: a matrix with a row for each pixel of the features, (pixels, L), that holds what the
// kernel covers there: L = kernel * kernel * C values of the image, in the order of a row of the
// weights (K, L). col2im is its adjoint.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/conv/underlying.h"

namespace dcgan::cpu {

struct Im2colShape {
  std::int64_t images, height, width, channels;  // N, H, W, C of the image
  std::int64_t out_height, out_width, features;  // P, Q, K
  std::int64_t kernel, stride, padding;

  explicit Im2colShape(const UnderlyingConv& conv)
      : images(conv.image[0]),
        height(conv.image[1]),
        width(conv.image[2]),
        channels(conv.image[3]),
        out_height(conv.features[1]),
        out_width(conv.features[2]),
        features(conv.features[3]),
        kernel(conv.kernel),
        stride(conv.stride),
        padding(conv.padding) {}
  std::int64_t pixels_of_image() const { return out_height * out_width; }
  std::int64_t pixels() const { return images * pixels_of_image(); }
  std::int64_t length() const { return kernel * kernel * channels; }
};

/// columns: (count, L), for the feature pixels [first, first + count) of the batch; what lies
/// outside the image is 0. T: float or bf16.
template <class T>
void im2col(const Im2colShape& shape, const T* image, std::int64_t first, std::int64_t count,
            T* columns);

/// Length of a row of the image that holds every place the kernel covers, also those outside.
std::int64_t padded_row(const Im2colShape& shape);

/// Sums the columns (P * Q, L) of one image and writes the image. row: padded_row() floats of
/// scratch.
template <class T>
void col2im(const Im2colShape& shape, const float* columns, float* row, T* image);

}  // namespace dcgan::cpu
