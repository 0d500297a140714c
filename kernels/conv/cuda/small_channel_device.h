// What the small-channel kernels share: tensors with the derivative of an activation, activations
// chosen at run time, and the patch of an image that a tile of features reads.
#pragma once

#include "kernels/common/cuda/vector.h"
#include "kernels/conv/cuda/small_channel.h"
#include "kernels/elementwise/activation_terms.h"

namespace dcgan::cuda {

template <class T>
struct DeviceDerivedTensor {
  const T* data;
  const T* output;  // null: the data as they are
  Activation kind;
  float negative_slope;
};

template <class T>
DeviceDerivedTensor<T> on_device(const DerivedTensor& tensor) {
  const bool derive = tensor.activation.kind != Activation::none && !tensor.output.empty();
  return {tensor.data.as<T>(), derive ? tensor.output.as<T>() : nullptr, tensor.activation.kind,
          tensor.activation.negative_slope};
}

// The kind is the same for every thread, so a switch costs little beside memory.
__device__ __forceinline__ float activate_as(Activation kind, float x, float negative_slope) {
  switch (kind) {
    case Activation::relu:
      return activate<Activation::relu>(x, negative_slope);
    case Activation::leaky_relu:
      return activate<Activation::leaky_relu>(x, negative_slope);
    case Activation::tanh:
      return activate<Activation::tanh>(x, negative_slope);
    case Activation::none:
      break;
  }
  return x;
}

/// Multiplies by the derivative at `output`. The switch is outside of the loop: there it would be
/// taken once a value.
template <int width>
__device__ __forceinline__ void multiply_by_derivative(Activation kind, float negative_slope,
                                                       const Values<width>& output,
                                                       Values<width>& values) {
  const auto multiply = [&](const auto& derivative) {
#pragma unroll
    for (int i = 0; i < width; ++i) values.v[i] *= derivative(output.v[i]);
  };
  switch (kind) {
    case Activation::relu:
      return multiply([](float y) { return activation_derivative<Activation::relu>(y, 0.0f); });
    case Activation::leaky_relu:
      return multiply([=](float y) {
        return activation_derivative<Activation::leaky_relu>(y, negative_slope);
      });
    case Activation::tanh:
      return multiply([](float y) { return activation_derivative<Activation::tanh>(y, 0.0f); });
    case Activation::none:
      break;
  }
}

template <int width, class T>
__device__ __forceinline__ Values<width> load_derived(const DeviceDerivedTensor<T>& tensor,
                                                      std::int64_t at) {
  Values<width> values = load<width>(tensor.data + at);
  if (tensor.output != nullptr) {
    multiply_by_derivative<width>(tensor.kind, tensor.negative_slope,
                                  load<width>(tensor.output + at), values);
  }
  return values;
}

/// A tile of features in the batch. Tiles are counted along columns, rows, then images.
struct FeatureTile {
  int image;
  int row;  // of its first pixel
  int column;
};

__device__ __forceinline__ FeatureTile feature_tile(std::int64_t index, int tiles_down,
                                                    int tiles_across, int tile_rows,
                                                    int tile_columns) {
  const int across = static_cast<int>(index % tiles_across);
  const std::int64_t rest = index / tiles_across;
  return {static_cast<int>(rest / tiles_down), static_cast<int>(rest % tiles_down) * tile_rows,
          across * tile_columns};
}

/// Image rows or columns that `tile` neighbouring features read.
inline int patch_extent(const SmallChannelConv& conv, int tile) {
  return (tile - 1) * conv.stride + conv.kernel;
}

/// Copies to shared memory the pixels that a tile reads, as f32, zero outside of the image.
/// patch: (patch_rows, patch_width), patch_width = columns * channels. One warp a row.
template <class T>
__device__ __forceinline__ void load_patch(const DeviceDerivedTensor<T>& image,
                                           const SmallChannelConv& conv, const FeatureTile& tile,
                                           int patch_rows, int patch_width, int warps,
                                           float* patch) {
  const int line = conv.width * conv.channels;
  const int first = (tile.column * conv.stride - conv.padding) * conv.channels;
  for (int row = static_cast<int>(threadIdx.x) / 32; row < patch_rows; row += warps) {
    const int h = tile.row * conv.stride - conv.padding + row;
    const std::int64_t start =
        (std::int64_t{tile.image} * conv.height + h) * static_cast<std::int64_t>(line);
    for (int i = static_cast<int>(threadIdx.x) % 32; i < patch_width; i += 32) {
      const int at = first + i;
      const bool inside = h >= 0 && h < conv.height && at >= 0 && at < line;
      patch[row * patch_width + i] = inside ? load_derived<1>(image, start + at).v[0] : 0.0f;
    }
  }
}

}  // namespace dcgan::cuda
