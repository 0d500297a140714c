// Patches: what the kernel covers for one pixel of the small side, K = k * k * B values of the big
// side, in the order of a row of weights (A, K).
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/conv/cpu/algorithm.h"

namespace dcgan::cpu {

struct PatchShape {
  std::int64_t images, height, width, channels;  // of big
  std::int64_t rows, columns, outputs;           // P, Q, A of small
  std::int64_t kernel, stride, padding;

  explicit PatchShape(const ConvSides& s)
      : images(s.big[0]),
        height(s.big[1]),
        width(s.big[2]),
        channels(s.big[3]),
        rows(s.small[1]),
        columns(s.small[2]),
        outputs(s.small[3]),
        kernel(s.kernel),
        stride(s.stride),
        padding(s.padding) {}
  std::int64_t pixels() const { return images * rows * columns; }
  std::int64_t length() const { return kernel * kernel * channels; }
};

/// patches: (count, K), of the small pixels [first, first + count) of the batch; what lies outside
/// the image is 0. T: float or bf16.
template <class T>
void make_patches(const PatchShape& shape, const T* big, std::int64_t first, std::int64_t count,
                  T* patches);

/// Length of a row of the big side that holds every place the kernel covers, also those outside.
std::int64_t padded_row(const PatchShape& shape);

/// The adjoint of make_patches for one image: adds up its patches (P * Q, K) and writes the image.
/// row: padded_row() floats of scratch.
template <class T>
void add_patches(const PatchShape& shape, const float* patches, float* row, T* big);

}  // namespace dcgan::cpu
