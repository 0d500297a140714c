// The forward product on tensor cores: rows are feature pixels, columns are features, the depth is
// the 16 C taps. A warp takes 16 pixels of one feature row and all features of its block; the
// weights stay in its registers, so the loop over tiles reads only the patch of the image.
//
// Words of the taps. For row r of the kernel and each pair of pixels (s = 0, 1 or 2, 3) the image
// holds `kUnit` words side by side. Depth step j takes word j of all eight (row, pair): lane t's
// first word belongs to row t / 2 and pair t % 2, its second to row 2 + t / 2. The order of the
// depth is free as long as both factors agree.
//
// Banks. Lane (g, t) reads word (row + t / 2) * kPitch + kUnit * (g + t % 2) + j: in a row nine
// different words `kUnit` apart (neighbours share words), in two rows. kPitch = 13 modulo 32 is no
// difference of two of them, for kUnit 1, 2, 3 and 6, so the 18 words are in 18 banks.
#include <algorithm>

#include "kernels/conv/cuda/small_channel_tensor.h"
#include "kernels/conv/cuda/small_channel_tensor_device.h"

namespace dcgan::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kThreads = 32 * kWarps;
constexpr int kTileRows = kWarps;
constexpr int kTileColumns = 16;
constexpr unsigned kMostBlocks = 396;  // three for each of 132 multiprocessors

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
  unsigned tiles;
};

template <class T, int channels>
struct Layout {
  using Patch = ImagePatch<T, channels, kTileRows, kTileColumns>;
  static constexpr int kWordsOfThread = (Patch::kCount + kThreads - 1) / kThreads;
  static constexpr int kUnit = 2 * channels / Factor<T>::kValues;  // words of two pixels
  static constexpr int kPitch = pitch_of(Patch::kWords, 13);
  static constexpr int kGroups = sizeof(T) == 2 ? 2 : 1;  // of 32 features: what registers hold
};

/// The feature of a block's column n = 0..7 of product i: lane t then has 8 neighbouring features
/// of each group, 16 or 32 bytes to store at once.
__device__ __forceinline__ int feature_of(int i, int n) {
  return i / 4 * 32 + n / 2 * 8 + i % 4 * 2 + n % 2;
}

/// The lane's words of all weights of the block, zero past the last feature.
template <class T, int channels, int products>
__device__ __forceinline__ void load_weights(
    const Arguments<T>& arguments, int first_feature,
    FragmentB (&weights)[products][Layout<T, channels>::kUnit]) {
  constexpr int unit = Layout<T, channels>::kUnit;
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int i = 0; i < products; ++i) {
    const int feature = first_feature + feature_of(i, lane / 4);
    const bool inside = feature < arguments.conv.features;
    const auto* row = reinterpret_cast<const std::uint32_t*>(arguments.weights) +
                      std::int64_t{inside ? feature : 0} * 8 * unit + lane % 4 * unit;
#pragma unroll
    for (int j = 0; j < unit; ++j) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const std::uint32_t word = inside ? row[half * 4 * unit + j] : 0;
        weights[i][j].word[half] = Factor<T>::from_memory(word);
      }
    }
  }
}

/// The thread's words of a tile's patch.
template <class T, int channels>
struct NextPatch {
  using Sizes = Layout<T, channels>;

  __device__ __forceinline__ void load(const Arguments<T>& arguments, const FeatureTile& tile) {
    Sizes::Patch::template load<kThreads>(arguments.image, arguments.conv, tile,
                                          static_cast<int>(threadIdx.x), word);
  }
  __device__ __forceinline__ void store(std::uint32_t* shared) const {
#pragma unroll
    for (int i = 0; i < Sizes::kWordsOfThread; ++i) {
      Sizes::Patch::template store<Sizes::kPitch>(
          shared, i * kThreads + static_cast<int>(threadIdx.x), word[i]);
    }
  }

  std::uint32_t word[Sizes::kWordsOfThread];
};

/// Sums of 16 pixels of a row. `patch`: of the lane, as above.
template <class T, int channels, int products>
__device__ __forceinline__ void multiply_row(
    const std::uint32_t* patch, const FragmentB (&weights)[products][Layout<T, channels>::kUnit],
    Accumulator (&sums)[products]) {
  constexpr int unit = Layout<T, channels>::kUnit;
  constexpr int pitch = Layout<T, channels>::kPitch;
#pragma unroll
  for (int j = 0; j < unit; ++j) {
    const FragmentA pixels{
        {patch[j], patch[8 * unit + j], patch[2 * pitch + j], patch[2 * pitch + 8 * unit + j]}};
#pragma unroll
    for (int i = 0; i < products; ++i) Factor<T>::multiply(sums[i], pixels, weights[i][j]);
  }
}

/// Stores 8 neighbouring features of one pixel: those of products `first`..+3.
template <class T, int products>
__device__ __forceinline__ void store_features(T* to, int first, int half,
                                               const Accumulator (&sums)[products]) {
  constexpr int wide = kWide<T>;
#pragma unroll
  for (int part = 0; part < 8 / wide; ++part) {
    Values<wide> values;
#pragma unroll
    for (int j = 0; j < wide; ++j) {
      const int k = part * wide + j;
      values.v[j] = sums[first + k / 2].v[2 * half + k % 2];
    }
    store<wide>(to + part * wide, values);
  }
}

template <class T, int products>
__device__ __forceinline__ void store_row(const Arguments<T>& arguments, const FeatureTile& tile,
                                          int first_feature, const Accumulator (&sums)[products]) {
  const SmallChannelConv& conv = arguments.conv;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int p = tile.row + static_cast<int>(threadIdx.x) / 32;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int q = tile.column + lane / 4 + 8 * half;
    const std::int64_t pixel = (std::int64_t{tile.image} * conv.rows + p) * conv.columns + q;
#pragma unroll
    for (int group = 0; group < products / 4; ++group) {
      const int feature = first_feature + 32 * group + 8 * (lane % 4);
      if (p < conv.rows && q < conv.columns && feature < conv.features) {
        store_features<T, products>(arguments.features + pixel * conv.features + feature, 4 * group,
                                    half, sums);
      }
    }
  }
}

/// The next tile's patch is loaded into registers while this tile is computed.
template <class T, int channels>
__global__ void __launch_bounds__(kThreads, 3)
    small_channel_tensor_forward_kernel(Arguments<T> arguments) {
  start_after_previous();
  using Sizes = Layout<T, channels>;
  constexpr int products = 4 * Sizes::kGroups;
  DCGAN_SHARED(std::uint32_t, patch, [Sizes::Patch::kRows * Sizes::kPitch]);
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int first_feature = static_cast<int>(blockIdx.y) * 32 * Sizes::kGroups;
  const std::uint32_t* of_lane =
      &patch[0] + (2 * warp + lane % 4 / 2) * Sizes::kPitch + Sizes::kUnit * (lane / 4 + lane % 2);
  const auto tile_at = [&](unsigned index) {
    return tensor_tile(index, arguments.tiles_down, arguments.tiles_across, kTileRows,
                       kTileColumns);
  };
  NextPatch<T, channels> next;
  next.load(arguments, tile_at(blockIdx.x));
  FragmentB weights[products][Sizes::kUnit];
  load_weights<T, channels, products>(arguments, first_feature, weights);
  for (unsigned index = blockIdx.x; index < arguments.tiles; index += gridDim.x) {
    __syncthreads();  // the last use of the patch is over
    next.store(&patch[0]);
    __syncthreads();
    if (index + gridDim.x < arguments.tiles) {
      next.load(arguments, tile_at(index + gridDim.x));
    }
    Accumulator sums[products] = {};
    multiply_row<T, channels, products>(of_lane, weights, sums);
    activate_sums<1>(arguments.kind, arguments.negative_slope, sums);
    store_row<T, products>(arguments, tile_at(index), first_feature, sums);
  }
}

template <class T, int channels>
void launch_kernel(const Context& context, const Arguments<T>& arguments) {
  constexpr int features = 32 * Layout<T, channels>::kGroups;
  const int tiles_of_features = (arguments.conv.features + features - 1) / features;
  launch(context, small_channel_tensor_forward_kernel<T, channels>,
         {"small_channel_tensor_forward_kernel",
          dim3(std::min(arguments.tiles, kMostBlocks), static_cast<unsigned>(tiles_of_features)),
          dim3(kThreads)},
         arguments);
}

}  // namespace

void small_channel_tensor_forward(const Context& context, const SmallChannelConv& conv,
                                  const DerivedTensor& image, ConstTensorView weights,
                                  TensorView features, const ActivationSpec& activation) {
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
    arguments.tiles = tile_count(conv, arguments.tiles_down, arguments.tiles_across);
    DCGAN_CHECK(aligned16(arguments.weights, arguments.features),
                "conv: weights or features are not aligned to 16 bytes");
    conv.channels == 1 ? launch_kernel<T, 1>(context, arguments)
                       : launch_kernel<T, 3>(context, arguments);
  });
}

}  // namespace dcgan::cuda
