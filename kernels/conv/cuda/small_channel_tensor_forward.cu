// The forward product on tensor cores: rows are feature pixels, columns are features, the depth is
// the 16 C taps. A warp takes 16 pixels of two feature rows and all features of its block; the
// weights stay in its registers, so the loop over tiles reads only the image, whose rows are copied
// as they lie in memory, for the next tile while this one is multiplied.
//
// Words of the taps. For row r of the kernel and each pair of pixels (s = 0, 1 or 2, 3) the depth
// has `kUnit` words of two values (bf16) or one (TF32). Depth step j takes word j of all eight
// (row, pair): lane t's first word belongs to row t / 2 and pair t % 2, its second to row 2 + t
// / 2. The order of the depth is free as long as both factors agree. In bf16 a pair begins with the
// upper half of a word as the image lies, so a factor is made of two neighbouring words; values of
// other pixels are never part of it.
//
// Banks. Lane (g, t) reads word (row + t / 2) * kPitch + kUnit * (g + t % 2) + j: in a row nine
// different words `kUnit` apart (neighbours share words), in two rows. In bf16 kPitch, a multiple
// of 4, is modulo 32 no difference of two of them: 28 for kUnit 3, 16 for kUnit 1. In TF32 every
// such pitch is one; at 16 only the first and the last word meet.
#include <algorithm>

#include "kernels/conv/cuda/small_channel_tensor.h"
#include "kernels/conv/cuda/small_channel_tensor_stage.h"

namespace dcgan::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kThreads = 32 * kWarps;
constexpr int kRowsOfWarp = 2;
constexpr int kTileRows = kRowsOfWarp * kWarps;
constexpr int kTileColumns = 16;
constexpr unsigned kMostBlocks = 396;  // three for each of 132 multiprocessors

template <class T>
struct Arguments {
  SmallChannelConv conv;
  DeviceDerivedTensor<T> image;
  bool wide_rows;  // of the image
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
  using Image = ImageStage<T, channels, kTileRows, kTileColumns, kThreads>;
  static constexpr int kUnit = 2 * channels / Factor<T>::kValues;  // words of two pixels
  static constexpr int kPitch =
      pitch_of(Image::kRowBytes / 4, sizeof(T) == 2 && channels == 3 ? 28 : 16);  // words
  static constexpr int kImageBytes = Image::kRows * kPitch * 4;
  static_assert(sizeof(T) == 4 || Image::kFirst % 2 == 1);  // as load_pair() takes it
  static constexpr int kGroups = sizeof(T) == 2 ? 2 : 1;    // of 32 features: what registers hold

  /// The image's output lies behind its data.
  __host__ __device__ static int stage_bytes(const Arguments<T>& arguments) {
    return kImageBytes * (arguments.image.output != nullptr ? 2 : 1);
  }
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

/// The `unit` words of two pixels, as factors. `words`: where the first one begins.
template <class T, int unit>
__device__ __forceinline__ void load_pair(const std::uint32_t* words,
                                          std::uint32_t (&factor)[unit]) {
  if constexpr (sizeof(T) == 2) {
    std::uint32_t word[unit + 1];
#pragma unroll
    for (int j = 0; j <= unit; ++j) word[j] = words[j];
#pragma unroll
    for (int j = 0; j < unit; ++j) factor[j] = word[j] >> 16 | word[j + 1] << 16;
  } else {
#pragma unroll
    for (int j = 0; j < unit; ++j) factor[j] = Factor<T>::from_memory(words[j]);
  }
}

/// Sums of 16 pixels of a row. `image`: of the lane, as above.
template <class T, int channels, int products>
__device__ __forceinline__ void multiply_row(
    const std::uint32_t* image, const FragmentB (&weights)[products][Layout<T, channels>::kUnit],
    Accumulator (&sums)[products]) {
  constexpr int unit = Layout<T, channels>::kUnit;
  constexpr int pitch = Layout<T, channels>::kPitch;
  std::uint32_t factor[4][unit];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    load_pair<T, unit>(image + i / 2 * 2 * pitch + i % 2 * 8 * unit, factor[i]);
  }
#pragma unroll
  for (int j = 0; j < unit; ++j) {
    const FragmentA pixels{{factor[0][j], factor[1][j], factor[2][j], factor[3][j]}};
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
                                          int p, int first_feature,
                                          const Accumulator (&sums)[products]) {
  const SmallChannelConv& conv = arguments.conv;
  const int lane = static_cast<int>(threadIdx.x) % 32;
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

/// The rows of a tile. `image`: of the lane, in the tile's first row of the kernel.
template <class T, int channels, int products>
__device__ __forceinline__ void compute_tile(
    const Arguments<T>& arguments, const FeatureTile& tile, int first_feature,
    const std::uint32_t* image, const FragmentB (&weights)[products][Layout<T, channels>::kUnit]) {
  const int warp = static_cast<int>(threadIdx.x) / 32;
#pragma unroll 1
  for (int row = kRowsOfWarp * warp; row < kRowsOfWarp * (warp + 1); ++row) {
    if (tile.row + row >= arguments.conv.rows) break;
    Accumulator sums[products] = {};
    multiply_row<T, channels, products>(image + kTensorStride * row * Layout<T, channels>::kPitch,
                                        weights, sums);
    activate_sums<1>(arguments.kind, arguments.negative_slope, sums);
    store_row<T, products>(arguments, tile, tile.row + row, first_feature, sums);
  }
}

template <class T, int channels>
__global__ void __launch_bounds__(kThreads, 3)
    small_channel_tensor_forward_kernel(Arguments<T> arguments) {
  start_after_previous();
  using Sizes = Layout<T, channels>;
  constexpr int products = 4 * Sizes::kGroups;
  constexpr int first_word = Sizes::Image::kFirst / Factor<T>::kValues;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int first_feature = static_cast<int>(blockIdx.y) * 32 * Sizes::kGroups;
  const int word_of_lane =
      lane % 4 / 2 * Sizes::kPitch + Sizes::kUnit * (lane / 4 + lane % 2) + first_word;
  std::byte* stage = dynamic_shared<std::byte>();
  std::byte* other = stage + Sizes::stage_bytes(arguments);
  const auto copy_tile = [&](unsigned index, std::byte* to) {
    const FeatureTile tile =
        tensor_tile(index, arguments.tiles_down, arguments.tiles_across, kTileRows, kTileColumns);
    Sizes::Image::template copy<Sizes::kPitch>(arguments.image, arguments.conv, tile,
                                               arguments.wide_rows, to, Sizes::kImageBytes);
    return tile;
  };
  FeatureTile tile = copy_tile(blockIdx.x, stage);
  commit_copies();
  FragmentB weights[products][Sizes::kUnit];
  load_weights<T, channels, products>(arguments, first_feature, weights);
  for (unsigned index = blockIdx.x; index < arguments.tiles; index += gridDim.x) {
    wait_copies<0>();
    if (arguments.image.output != nullptr) {
      Sizes::Image::template derive<Sizes::kPitch>(arguments.image, arguments.wide_rows, stage,
                                                   Sizes::kImageBytes);
    }
    __syncthreads();  // the tile is there, and the last use of the other stage is over
    FeatureTile next{};
    if (index + gridDim.x < arguments.tiles) next = copy_tile(index + gridDim.x, other);
    commit_copies();
    compute_tile<T, channels, products>(
        arguments, tile, first_feature,
        reinterpret_cast<const std::uint32_t*>(stage) + word_of_lane, weights);
    std::byte* const used = stage;
    stage = other;
    other = used;
    tile = next;
  }
  wait_copies<0>();
}

template <class T, int channels>
void launch_kernel(const Context& context, const Arguments<T>& arguments) {
  constexpr int features = 32 * Layout<T, channels>::kGroups;
  const int tiles_of_features = (arguments.conv.features + features - 1) / features;
  launch(
      context, small_channel_tensor_forward_kernel<T, channels>,
      {"small_channel_tensor_forward_kernel",
       dim3(std::min(arguments.tiles, kMostBlocks), static_cast<unsigned>(tiles_of_features)),
       dim3(kThreads), 2 * static_cast<std::size_t>(Layout<T, channels>::stage_bytes(arguments))},
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
    arguments.wide_rows = has_wide_rows(arguments.image, conv);
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
