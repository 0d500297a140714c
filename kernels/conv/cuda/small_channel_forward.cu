// The forward product. A block computes 8 x 16 feature pixels and 64 features; a thread 4 pixels of
// a row and 8 features, so that 6 loads from shared memory (4 pixels, 2 x 4 weights) feed 32
// multiply-accumulates. Blocks loop over tiles, so the weights are loaded once a block.
#include <algorithm>

#include "kernels/conv/cuda/small_channel_device.h"

namespace dcgan::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kTileRows = 8;
constexpr int kTileColumns = 16;
constexpr int kTileFeatures = 64;
constexpr int kWeightStride = kTileFeatures + 4;  // floats a tap; the 4 spread taps over banks
constexpr int kPixels = 4;                        // of a thread
constexpr int kFeatures = 8;                      // of a thread
constexpr std::int64_t kMostBlocks = 1056;

template <class T>
struct Arguments {
  SmallChannelConv conv;
  DeviceDerivedTensor<T> image;
  const T* weights;
  T* features;
  Activation kind;
  float negative_slope;
  int tiles_down;
  int tiles_across;
  std::int64_t tiles;
  int patch_rows;
  int patch_width;
  bool wide;  // 8 features can be stored by 16-byte accesses
};

/// weights (K, taps) to shared memory as (taps, features of this block).
template <class T>
__device__ __forceinline__ void load_weights(const Arguments<T>& arguments, int first_feature,
                                             float* shared) {
  const int taps = arguments.conv.kernel * arguments.conv.kernel * arguments.conv.channels;
  for (int i = static_cast<int>(threadIdx.x); i < taps * kTileFeatures; i += kThreads) {
    const int feature = i / taps;
    const int tap = i - feature * taps;
    const int k = first_feature + feature;
    shared[tap * kWeightStride + feature] =
        k < arguments.conv.features ? load_one(arguments.weights + std::int64_t{k} * taps + tap)
                                    : 0.0f;
  }
}

template <class T>
__device__ __forceinline__ void store_features(const Arguments<T>& arguments, std::int64_t at,
                                               int first_feature, Values<kFeatures> sums) {
#pragma unroll
  for (int j = 0; j < kFeatures; ++j) {
    sums.v[j] = activate_as(arguments.kind, sums.v[j], arguments.negative_slope);
  }
  T* to = arguments.features + at;
  if (arguments.wide && first_feature + kFeatures <= arguments.conv.features) {
    constexpr int wide = kWide<T>;
#pragma unroll
    for (int part = 0; part < kFeatures / wide; ++part) {
      Values<wide> values;
#pragma unroll
      for (int j = 0; j < wide; ++j) values.v[j] = sums.v[part * wide + j];
      store<wide>(to + part * wide, values);
    }
    return;
  }
#pragma unroll
  for (int j = 0; j < kFeatures; ++j) {
    if (first_feature + j < arguments.conv.features) store_one(to + j, sums.v[j]);
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads) small_channel_forward_kernel(Arguments<T> arguments) {
  start_after_previous();
  const SmallChannelConv& conv = arguments.conv;
  float* weights = dynamic_shared<float>();
  float* patch = weights + conv.kernel * conv.kernel * conv.channels * kWeightStride;
  const int lane = static_cast<int>(threadIdx.x) % 8;
  const int row = static_cast<int>(threadIdx.x) / 32;
  const int column = static_cast<int>(threadIdx.x) / 8 % 4 * kPixels;
  const int first_feature = static_cast<int>(blockIdx.y) * kTileFeatures;
  const int feature = first_feature + lane * kFeatures;
  const int pixel_stride = conv.stride * conv.channels;
  const int line = conv.kernel * conv.channels;
  load_weights(arguments, first_feature, weights);
  for (std::int64_t index = blockIdx.x; index < arguments.tiles; index += gridDim.x) {
    const FeatureTile tile =
        feature_tile(index, arguments.tiles_down, arguments.tiles_across, kTileRows, kTileColumns);
    __syncthreads();  // the last use of the patch is over
    load_patch(arguments.image, conv, tile, arguments.patch_rows, arguments.patch_width,
               kThreads / 32, patch);
    __syncthreads();
    Values<kFeatures> sums[kPixels] = {};
    for (int r = 0; r < conv.kernel; ++r) {
      const float* pixels =
          patch + (row * conv.stride + r) * arguments.patch_width + column * pixel_stride;
      const float* taps = weights + r * line * kWeightStride + lane * kFeatures;
#pragma unroll 4
      for (int j = 0; j < line; ++j) {
        const Values<4> low = load<4>(taps + j * kWeightStride);
        const Values<4> high = load<4>(taps + j * kWeightStride + 4);
#pragma unroll
        for (int i = 0; i < kPixels; ++i) {
          const float value = pixels[j + i * pixel_stride];
#pragma unroll
          for (int k = 0; k < 4; ++k) {
            sums[i].v[k] = fmaf(value, low.v[k], sums[i].v[k]);
            sums[i].v[k + 4] = fmaf(value, high.v[k], sums[i].v[k + 4]);
          }
        }
      }
    }
    const int p = tile.row + row;
#pragma unroll
    for (int i = 0; i < kPixels; ++i) {
      const int q = tile.column + column + i;
      if (p < conv.rows && q < conv.columns && feature < conv.features) {
        const std::int64_t pixel = (std::int64_t{tile.image} * conv.rows + p) * conv.columns + q;
        store_features(arguments, pixel * conv.features + feature, feature, sums[i]);
      }
    }
  }
}

}  // namespace

void small_channel_forward(const Context& context, const SmallChannelConv& conv,
                           const DerivedTensor& image, ConstTensorView weights, TensorView features,
                           const ActivationSpec& activation) {
  with_storage(conv.dtype, [&]<class T>() {
    Arguments<T> arguments{};
    arguments.conv = conv;
    arguments.image = on_device<T>(image);
    arguments.weights = weights.as<T>();
    arguments.features = features.as<T>();
    arguments.kind = activation.kind;
    arguments.negative_slope = activation.negative_slope;
    arguments.tiles_down = (conv.rows + kTileRows - 1) / kTileRows;
    arguments.tiles_across = (conv.columns + kTileColumns - 1) / kTileColumns;
    arguments.tiles = std::int64_t{conv.images} * arguments.tiles_down * arguments.tiles_across;
    arguments.patch_rows = patch_extent(conv, kTileRows);
    arguments.patch_width = patch_extent(conv, kTileColumns) * conv.channels;
    arguments.wide = conv.features % kFeatures == 0 && aligned16(features.data);
    const int floats = conv.taps() * kWeightStride + arguments.patch_rows * arguments.patch_width;
    const int tiles_of_features = (conv.features + kTileFeatures - 1) / kTileFeatures;
    launch(context, small_channel_forward_kernel<T>,
           {"small_channel_forward_kernel",
            dim3(static_cast<unsigned>(std::min(arguments.tiles, kMostBlocks)),
                 static_cast<unsigned>(tiles_of_features)),
            dim3(kThreads), static_cast<std::size_t>(floats) * sizeof(float)},
           arguments);
  });
}

}  // namespace dcgan::cuda
