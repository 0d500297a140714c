// The backward_data product. With stride s the image's pixels fall into s x s phases; row h = s i +
// a sums the feature rows p = i + shift(a) - t times kernel rows r = first(a) + s t. A block takes
// 8 x 8 positions (i, j) with all their phases, so that each feature is loaded once for all that
// need it.
//
// A warp keeps to one phase, so that its lanes use the same weights. A lane sums 4 neighbouring
// positions over a quarter of the features: 4 + C loads of 16 bytes feed 16 C multiply-accumulates.
#include "kernels/common/cuda/reduce.h"
#include "kernels/conv/cuda/small_channel_device.h"

namespace dcgan::cuda {
namespace {

constexpr int kTile = 8;                         // positions along each side
constexpr int kTileFeatures = 32;                // features in shared memory at a time
constexpr int kPixelStride = kTileFeatures + 4;  // floats a pixel; the 4 spread pixels over banks
constexpr int kPositions = 4;                    // of a thread
constexpr int kSplits = 4;        // lanes that share positions, each a part of the features
constexpr int kWarpsOfPhase = 2;  // each takes 4 rows of positions

template <class T>
struct Arguments {
  SmallChannelConv conv;
  DeviceDerivedTensor<T> features;
  const T* weights;
  T* image;
  Activation kind;
  float negative_slope;
  int tiles_down;
  int tiles_across;
  int lowest;  // p - i of the tile's first feature row
  int span;    // feature rows and columns that a tile reads
  bool wide;   // features can be loaded by 16-byte accesses
};

/// The features that a tile reads, zero outside; (span, span, kTileFeatures) in shared memory.
template <class T, int width>
__device__ __forceinline__ void load_features(const Arguments<T>& arguments,
                                              const FeatureTile& tile, int first_feature,
                                              float* shared) {
  const SmallChannelConv& conv = arguments.conv;
  constexpr int pieces = kTileFeatures / width;
  const int count = arguments.span * arguments.span * pieces;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x)) {
    const int pixel = i / pieces;
    const int k = i % pieces * width;
    const int p = tile.row + arguments.lowest + pixel / arguments.span;
    const int q = tile.column + arguments.lowest + pixel % arguments.span;
    Values<width> values{};
    if (p >= 0 && p < conv.rows && q >= 0 && q < conv.columns &&
        first_feature + k < conv.features) {
      const std::int64_t at =
          ((std::int64_t{tile.image} * conv.rows + p) * conv.columns + q) * conv.features;
      values = load_derived<width>(arguments.features, at + first_feature + k);
    }
#pragma unroll
    for (int j = 0; j < width; ++j) shared[pixel * kPixelStride + k + j] = values.v[j];
  }
}

/// weights (K, taps) to shared memory as (kernel * kernel, features of this round, C).
template <class T, int channels>
__device__ __forceinline__ void load_weights(const Arguments<T>& arguments, int first_feature,
                                             float* shared) {
  constexpr int stride = kTileFeatures * channels + 4;
  const int taps = arguments.conv.kernel * arguments.conv.kernel * channels;
  for (int i = static_cast<int>(threadIdx.x); i < taps * kTileFeatures;
       i += static_cast<int>(blockDim.x)) {
    const int k = i / taps;
    const int tap = i - k * taps;
    const float value =
        first_feature + k < arguments.conv.features
            ? load_one(arguments.weights + (std::int64_t{first_feature} + k) * taps + tap)
            : 0.0f;
    shared[tap / channels * stride + k * channels + tap % channels] = value;
  }
}

/// Adds what one feature pixel row of `kPositions` and one tap's weights give.
template <int channels>
__device__ __forceinline__ void add_tap(const float* features, const float* weights,
                                        Values<channels> (&sums)[kPositions]) {
  Values<4> pixels[kPositions];
#pragma unroll
  for (int i = 0; i < kPositions; ++i) pixels[i] = load<4>(features + i * kPixelStride);
  Values<4> parts[channels];  // 4 features x C weights, in that order
#pragma unroll
  for (int c = 0; c < channels; ++c) parts[c] = load<4>(weights + 4 * c);
#pragma unroll
  for (int k = 0; k < 4; ++k) {
#pragma unroll
    for (int c = 0; c < channels; ++c) {
      const float weight = parts[(k * channels + c) / 4].v[(k * channels + c) % 4];
#pragma unroll
      for (int i = 0; i < kPositions; ++i) {
        sums[i].v[c] = fmaf(pixels[i].v[k], weight, sums[i].v[c]);
      }
    }
  }
}

/// The part of a phase that belongs to one axis.
struct PhaseAxis {
  int first;  // kernel row of t = 0
  int shift;  // p - i at t = 0
};
__device__ __forceinline__ PhaseAxis phase_axis(const SmallChannelConv& conv, int phase) {
  const int first = (phase + conv.padding) % conv.stride;
  return {first, (phase + conv.padding - first) / conv.stride};
}

/// Sums one round of features into the thread's positions. `row`, `column`: the first of them.
template <int channels>
__device__ __forceinline__ void add_round(const SmallChannelConv& conv, const PhaseAxis& down,
                                          const PhaseAxis& across, int row, int column, int span,
                                          const float* features, const float* weights, int split,
                                          Values<channels> (&sums)[kPositions]) {
  constexpr int weight_stride = kTileFeatures * channels + 4;
  for (int r = down.first, p = row + down.shift; r < conv.kernel; r += conv.stride, --p) {
    for (int s = across.first, q = column + across.shift; s < conv.kernel; s += conv.stride, --q) {
      const float* pixels = features + (p * span + q) * kPixelStride;
      const float* tap = weights + (r * conv.kernel + s) * weight_stride;
#pragma unroll
      for (int k = 0; k < kTileFeatures; k += 4 * kSplits) {
        const int at = k + 4 * split;
        add_tap<channels>(pixels + at, tap + at * channels, sums);
      }
    }
  }
}

template <class T, int channels>
__global__ void __launch_bounds__(256, 2)
    small_channel_backward_data_kernel(Arguments<T> arguments) {
  start_after_previous();
  const SmallChannelConv& conv = arguments.conv;
  float* features = dynamic_shared<float>();
  float* weights = features + arguments.span * arguments.span * kPixelStride;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int phase = warp / kWarpsOfPhase;
  const PhaseAxis down = phase_axis(conv, phase / conv.stride);
  const PhaseAxis across = phase_axis(conv, phase % conv.stride);
  const int split = lane % kSplits;
  const int row = warp % kWarpsOfPhase * (kTile / kWarpsOfPhase) + lane / 8;
  const int column = lane / kSplits % 2 * kPositions;
  const FeatureTile tile =
      feature_tile(blockIdx.x, arguments.tiles_down, arguments.tiles_across, kTile, kTile);
  Values<channels> sums[kPositions] = {};
  for (int first = 0; first < conv.features; first += kTileFeatures) {
    __syncthreads();  // the last round is over
    if (arguments.wide) {
      load_features<T, kWide<T>>(arguments, tile, first, features);
    } else {
      load_features<T, 1>(arguments, tile, first, features);
    }
    load_weights<T, channels>(arguments, first, weights);
    __syncthreads();
    add_round<channels>(conv, down, across, row - arguments.lowest, column - arguments.lowest,
                        arguments.span, features, weights, split, sums);
  }
  // The splits of a position are neighbouring lanes; split i keeps the total of position i.
  Values<channels> total{};
#pragma unroll
  for (int i = 0; i < kPositions; ++i) {
#pragma unroll
    for (int c = 0; c < channels; ++c) {
      float sum = sums[i].v[c];
      sum += __shfl_xor_sync(kFullWarp, sum, 1);
      sum += __shfl_xor_sync(kFullWarp, sum, 2);
      if (i == split) total.v[c] = sum;
    }
  }
  const int h = (tile.row + row) * conv.stride + phase / conv.stride;
  const int w = (tile.column + column + split) * conv.stride + phase % conv.stride;
  if (h < conv.height && w < conv.width) {
    const std::int64_t pixel = (std::int64_t{tile.image} * conv.height + h) * conv.width + w;
#pragma unroll
    for (int c = 0; c < channels; ++c) {
      store_one(arguments.image + pixel * channels + c,
                activate_as(arguments.kind, total.v[c], arguments.negative_slope));
    }
  }
}

/// Feature rows that a tile's positions read, relative to the position: from..to.
struct RowRange {
  int from;
  int to;
};
RowRange rows_of(const SmallChannelConv& conv) {
  RowRange rows{0, 0};
  for (int phase = 0; phase < conv.stride; ++phase) {
    const int first = (phase + conv.padding) % conv.stride;
    const int shift = (phase + conv.padding - first) / conv.stride;
    const int last = shift - (conv.kernel - 1 - first) / conv.stride;
    if (phase == 0 || shift > rows.to) rows.to = shift;
    if (phase == 0 || last < rows.from) rows.from = last;
  }
  return rows;
}

template <class T, int channels>
void launch_kernel(const Context& context, const Arguments<T>& arguments) {
  const SmallChannelConv& conv = arguments.conv;
  const int floats = arguments.span * arguments.span * kPixelStride +
                     conv.kernel * conv.kernel * (kTileFeatures * channels + 4);
  const std::int64_t tiles =
      std::int64_t{conv.images} * arguments.tiles_down * arguments.tiles_across;
  const int threads = 32 * kWarpsOfPhase * conv.stride * conv.stride;
  launch(context, small_channel_backward_data_kernel<T, channels>,
         {"small_channel_backward_data_kernel", dim3(static_cast<unsigned>(tiles)),
          dim3(static_cast<unsigned>(threads)), static_cast<std::size_t>(floats) * sizeof(float)},
         arguments);
}

}  // namespace

void small_channel_backward_data(const Context& context, const SmallChannelConv& conv,
                                 const DerivedTensor& features, ConstTensorView weights,
                                 TensorView image, const ActivationSpec& activation) {
  with_storage(conv.dtype, [&]<class T>() {
    const RowRange rows = rows_of(conv);
    Arguments<T> arguments{};
    arguments.conv = conv;
    arguments.features = on_device<T>(features);
    arguments.weights = weights.as<T>();
    arguments.image = image.as<T>();
    arguments.kind = activation.kind;
    arguments.negative_slope = activation.negative_slope;
    const int pixels_of_tile = kTile * conv.stride;
    arguments.tiles_down = (conv.height + pixels_of_tile - 1) / pixels_of_tile;
    arguments.tiles_across = (conv.width + pixels_of_tile - 1) / pixels_of_tile;
    arguments.lowest = rows.from;
    arguments.span = kTile + rows.to - rows.from;
    arguments.wide = conv.features % kWide<T> == 0 &&
                     aligned16(arguments.features.data, arguments.features.output);
    switch (conv.channels) {
      case 1:
        return launch_kernel<T, 1>(context, arguments);
      case 2:
        return launch_kernel<T, 2>(context, arguments);
      case 3:
        return launch_kernel<T, 3>(context, arguments);
      default:
        return launch_kernel<T, 4>(context, arguments);
    }
  });
}

}  // namespace dcgan::cuda
