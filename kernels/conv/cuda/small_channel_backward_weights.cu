// The backward_weights product. A block has 64 features, all taps and some of the pixels: it loops
// over tiles of 8 x 8 feature pixels and keeps its sums in registers, a thread 8 features x up to 8
// taps of a quarter of each tile's pixels. Blocks leave partial sums that a second launch adds in
// order.
#include <algorithm>

#include "kernels/common/cuda/columns.h"
#include "kernels/conv/cuda/small_channel_device.h"

namespace dcgan::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kTile = 8;  // feature pixels along each side
constexpr int kTileFeatures = 64;
constexpr int kPixelStride = kTileFeatures + 4;  // floats a pixel; the 4 spread pixels over banks
constexpr int kFeatures = 8;                     // of a thread: 4, and 4 more 32 further on
constexpr int kLanes = 8;                        // threads along features, and along taps
constexpr int kSplits = kThreads / (kLanes * kLanes);
constexpr std::int64_t kMostChunks = 256;

template <class T>
struct Arguments {
  SmallChannelConv conv;
  DeviceDerivedTensor<T> image;
  DeviceDerivedTensor<T> features;
  float* partials;  // (gridDim.x, K, taps)
  int tiles_down;
  int tiles_across;
  std::int64_t tiles;
  int patch_extent;
  int patch_width;
  bool wide;  // features can be loaded by 16-byte accesses
};

/// A tile of features to shared memory, (64 pixels, kTileFeatures), zero outside.
template <class T, int width>
__device__ __forceinline__ void load_features(const Arguments<T>& arguments,
                                              const FeatureTile& tile, int first_feature,
                                              float* shared) {
  const SmallChannelConv& conv = arguments.conv;
  constexpr int pieces = kTileFeatures / width;
  for (int i = static_cast<int>(threadIdx.x); i < kTile * kTile * pieces; i += kThreads) {
    const int pixel = i / pieces;
    const int k = i % pieces * width;
    const int p = tile.row + pixel / kTile;
    const int q = tile.column + pixel % kTile;
    Values<width> values{};
    if (p < conv.rows && q < conv.columns && first_feature + k < conv.features) {
      const std::int64_t at =
          ((std::int64_t{tile.image} * conv.rows + p) * conv.columns + q) * conv.features;
      values = load_derived<width>(arguments.features, at + first_feature + k);
    }
#pragma unroll
    for (int j = 0; j < width; ++j) shared[pixel * kPixelStride + k + j] = values.v[j];
  }
}

/// Adds the pixels of this thread's split of a tile.
template <int taps_of_thread>
__device__ __forceinline__ void add_tile(const SmallChannelConv& conv, int patch_width,
                                         const float* features, const float* patch, int split,
                                         const int (&offsets)[taps_of_thread],
                                         Values<kFeatures> (&sums)[taps_of_thread]) {
  constexpr int rows_of_split = kTile / kSplits;
  for (int pixel = 0; pixel < rows_of_split * kTile; ++pixel) {
    const int row = split * rows_of_split + pixel / kTile;
    const int column = pixel % kTile;
    const float* feature = features + (row * kTile + column) * kPixelStride;
    const Values<4> low = load<4>(feature);
    const Values<4> high = load<4>(feature + kTileFeatures / 2);
    const float* pixels =
        patch + row * conv.stride * patch_width + column * conv.stride * conv.channels;
#pragma unroll
    for (int m = 0; m < taps_of_thread; ++m) {
      const float value = pixels[offsets[m]];
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        sums[m].v[k] = fmaf(value, low.v[k], sums[m].v[k]);
        sums[m].v[k + 4] = fmaf(value, high.v[k], sums[m].v[k + 4]);
      }
    }
  }
}

/// Adds the splits' sums in order through shared memory (kTileFeatures, taps); split 0 has them.
template <int taps_of_thread>
__device__ __forceinline__ void add_splits(int taps, int split, int feature_lane, int tap_lane,
                                           float* shared,
                                           Values<kFeatures> (&sums)[taps_of_thread]) {
  for (int other = 1; other < kSplits; ++other) {
    __syncthreads();
#pragma unroll
    for (int m = 0; m < taps_of_thread; ++m) {
#pragma unroll
      for (int k = 0; k < kFeatures; ++k) {
        const int tap = tap_lane + m * kLanes;
        const int feature = feature_lane * 4 + k % 4 + k / 4 * (kTileFeatures / 2);
        if (split == other && tap < taps) shared[feature * taps + tap] = sums[m].v[k];
      }
    }
    __syncthreads();
#pragma unroll
    for (int m = 0; m < taps_of_thread; ++m) {
#pragma unroll
      for (int k = 0; k < kFeatures; ++k) {
        const int tap = tap_lane + m * kLanes;
        const int feature = feature_lane * 4 + k % 4 + k / 4 * (kTileFeatures / 2);
        if (split == 0 && tap < taps) sums[m].v[k] += shared[feature * taps + tap];
      }
    }
  }
}

template <class T, int taps_of_thread>
__global__ void __launch_bounds__(kThreads, 2)
    small_channel_backward_weights_kernel(Arguments<T> arguments) {
  start_after_previous();
  const SmallChannelConv& conv = arguments.conv;
  const int taps = conv.kernel * conv.kernel * conv.channels;
  float* features = dynamic_shared<float>();
  float* patch = features + kTile * kTile * kPixelStride;
  const int feature_lane = static_cast<int>(threadIdx.x) % kLanes;
  const int tap_lane = static_cast<int>(threadIdx.x) / kLanes % kLanes;
  const int split = static_cast<int>(threadIdx.x) / (kLanes * kLanes);
  const int first_feature = static_cast<int>(blockIdx.y) * kTileFeatures;
  const int line = conv.kernel * conv.channels;
  int offsets[taps_of_thread];  // of the thread's taps in the patch; taps that do not exist read 0
#pragma unroll
  for (int m = 0; m < taps_of_thread; ++m) {
    const int tap = tap_lane + m * kLanes;
    offsets[m] = tap < taps ? tap / line * arguments.patch_width + tap % line : 0;
  }
  Values<kFeatures> sums[taps_of_thread] = {};
  for (std::int64_t index = blockIdx.x; index < arguments.tiles; index += gridDim.x) {
    const FeatureTile tile =
        feature_tile(index, arguments.tiles_down, arguments.tiles_across, kTile, kTile);
    __syncthreads();  // the last tile's use is over
    if (arguments.wide) {
      load_features<T, kWide<T>>(arguments, tile, first_feature, features);
    } else {
      load_features<T, 1>(arguments, tile, first_feature, features);
    }
    load_patch(arguments.image, conv, tile, arguments.patch_extent, arguments.patch_width,
               kThreads / 32, patch);
    __syncthreads();
    add_tile<taps_of_thread>(conv, arguments.patch_width, features + 4 * feature_lane, patch, split,
                             offsets, sums);
  }
  add_splits<taps_of_thread>(taps, split, feature_lane, tap_lane, features, sums);
  if (split != 0) return;
  float* to =
      arguments.partials + (std::int64_t{blockIdx.x} * conv.features + first_feature) * taps;
#pragma unroll
  for (int m = 0; m < taps_of_thread; ++m) {
#pragma unroll
    for (int k = 0; k < kFeatures; ++k) {
      const int tap = tap_lane + m * kLanes;
      const int feature = feature_lane * 4 + k % 4 + k / 4 * (kTileFeatures / 2);
      if (tap < taps && first_feature + feature < conv.features) {
        to[feature * taps + tap] = sums[m].v[k];
      }
    }
  }
}

std::int64_t tiles_of(const SmallChannelConv& conv) {
  return std::int64_t{conv.images} * ((conv.rows + kTile - 1) / kTile) *
         ((conv.columns + kTile - 1) / kTile);
}

std::int64_t chunks_of(const SmallChannelConv& conv) {
  return std::min(tiles_of(conv), kMostChunks);
}

template <class T, int taps_of_thread>
void launch_kernel(const Context& context, const Arguments<T>& arguments) {
  const SmallChannelConv& conv = arguments.conv;
  const int floats = kTile * kTile * kPixelStride + arguments.patch_extent * arguments.patch_width;
  const int tiles_of_features = (conv.features + kTileFeatures - 1) / kTileFeatures;
  launch(context, small_channel_backward_weights_kernel<T, taps_of_thread>,
         {"small_channel_backward_weights_kernel",
          dim3(static_cast<unsigned>(chunks_of(conv)), static_cast<unsigned>(tiles_of_features)),
          dim3(kThreads), static_cast<std::size_t>(floats) * sizeof(float)},
         arguments);
}

}  // namespace

std::int64_t small_channel_partials(const SmallChannelConv& conv) {
  return chunks_of(conv) * conv.features * conv.taps();
}

void small_channel_backward_weights(const Context& context, const SmallChannelConv& conv,
                                    const DerivedTensor& image, const DerivedTensor& features,
                                    TensorView dweights, float* partials) {
  with_storage(conv.dtype, [&]<class T>() {
    Arguments<T> arguments{};
    arguments.conv = conv;
    arguments.image = on_device<T>(image);
    arguments.features = on_device<T>(features);
    arguments.partials = partials;
    arguments.tiles_down = (conv.rows + kTile - 1) / kTile;
    arguments.tiles_across = (conv.columns + kTile - 1) / kTile;
    arguments.tiles = tiles_of(conv);
    arguments.patch_extent = patch_extent(conv, kTile);
    arguments.patch_width = arguments.patch_extent * conv.channels;
    arguments.wide = conv.features % kWide<T> == 0 &&
                     aligned16(arguments.features.data, arguments.features.output);
    const int taps_of_thread = (conv.taps() + kLanes - 1) / kLanes;
    if (taps_of_thread <= 2) {
      launch_kernel<T, 2>(context, arguments);
    } else if (taps_of_thread <= 4) {
      launch_kernel<T, 4>(context, arguments);
    } else if (taps_of_thread <= 6) {
      launch_kernel<T, 6>(context, arguments);
    } else {
      launch_kernel<T, 8>(context, arguments);
    }
  });
  sum_columns(context, partials, chunks_of(conv), std::int64_t{conv.features} * conv.taps(),
              dweights.as<float>());
}

}  // namespace dcgan::cuda
