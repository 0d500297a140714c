// The backward_weights product on tensor cores: rows are 64 features, columns the 16 C taps, the
// depth is the feature pixels. A warp takes a quarter of a tile's pixels and sums them into its own
// registers: all taps of all features of the block. After a block's last tile its warps add up in
// order; blocks leave partial sums that a second launch adds in order.
//
// Tiles are copied as they lie in memory, the next one while this one is multiplied. A derived
// image is multiplied by the derivative in shared memory, by the thread that has copied it; derived
// features when they are read as factors, which each of them is once.
//
// Columns. Product (rows, i) has the taps of two kernel rows r = 2 rows + n / 4 at the offsets
// 4 i + n % 4 of a row's 4 C.
//
// Depth. The order of the pixels is free as long as both factors agree: lane t has pixels 2t, 2t +
// 1 of eight, as one word (bf16) or as two (TF32).
//
// Banks of the image. Lane (g, t) reads the word of pixel 2t (or 2t + 1), row g / 4, offset g % 4:
// C = 3 in TF32 words 12t + 0..3, C = 1 4t + 0..3 and 2t + 0..2. Modulo 32 these leave the other
// row its place 16 banks further on, so the pitch is 16 modulo 32. C = 3 in bf16: 6t + 0..2, which
// has two words in some banks at each pitch of whole 16 bytes. Banks of the features:
// 16-byte pieces are swizzled by the pixel modulo 8. bf16: the 8 rows of an ldmatrix are 8 pixels.
// TF32: lane (g, t) reads piece 4 m + g / 4 of pixel 2t, bank 4 ((4 m + g / 4) ^ 2t) + g % 4.
#include <algorithm>
#include <type_traits>

#include "kernels/common/cuda/columns.h"
#include "kernels/conv/cuda/small_channel_tensor.h"
#include "kernels/conv/cuda/small_channel_tensor_stage.h"

namespace dcgan::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kThreads = 32 * kWarps;
constexpr int kTileColumns = 16;
constexpr int kTileFeatures = 64;
constexpr int kProductsDown = kTileFeatures / 16;
template <class T>
constexpr int kTileRows = sizeof(T) == 2 ? 8 : 4;
template <class T>
constexpr int kBlocks = sizeof(T) == 2 ? 3 : 2;  // of a multiprocessor, by registers and memory
template <class T>
constexpr unsigned kMostChunks = 132 * kBlocks<T>;  // 132 multiprocessors

template <class T>
struct Arguments {
  SmallChannelConv conv;
  DeviceDerivedTensor<T> image;
  DeviceDerivedTensor<T> features;
  bool wide_rows;   // of the image
  float* partials;  // (gridDim.x, K, taps)
  int tiles_down;
  int tiles_across;
  unsigned tiles;
};

template <class T, int channels>
struct Layout {
  using Features = FeatureStage<kTileRows<T>, kTileColumns, kTileFeatures / kWide<T>, kThreads>;
  using Image = ImageStage<T, channels, kTileRows<T>, kTileColumns, kThreads>;
  static constexpr bool kMeets = sizeof(T) == 2 && channels == 3;  // two words in some banks
  static constexpr int kImagePitch =
      kMeets ? Image::kRowBytes / 4 : pitch_of(Image::kRowBytes / 4, 16);  // words
  static constexpr int kImageBytes = Image::kRows * kImagePitch * 4;
  static constexpr int kProductsAcross = 2 * channels;
  static constexpr int kRowsOfWarp = kTileRows<T> / kWarps;

  /// Where a stage of shared memory has the image. Each tensor's output lies behind its data.
  __host__ __device__ static int image_at(const Arguments<T>& arguments) {
    return Features::kBytes * (arguments.features.output != nullptr ? 2 : 1);
  }
  __host__ __device__ static int stage_bytes(const Arguments<T>& arguments) {
    return image_at(arguments) + kImageBytes * (arguments.image.output != nullptr ? 2 : 1);
  }
};

template <int channels>
using Sums = Accumulator[kProductsDown][2 * channels];

/// Starts the copies of a tile to a stage.
template <class T, int channels>
__device__ __forceinline__ void copy_tile(const Arguments<T>& arguments, unsigned index,
                                          int first_feature, std::byte* stage) {
  using Sizes = Layout<T, channels>;
  const FeatureTile tile =
      tensor_tile(index, arguments.tiles_down, arguments.tiles_across, kTileRows<T>, kTileColumns);
  Sizes::Features::copy(arguments.features, arguments.conv, tile, first_feature, stage,
                        Sizes::Features::kBytes);
  Sizes::Image::template copy<Sizes::kImagePitch>(
      arguments.image, arguments.conv, tile, arguments.wide_rows,
      stage + Sizes::image_at(arguments), Sizes::kImageBytes);
}

/// The features of pixels `depth`.., as the 16 rows m of a product, as they lie in memory.
__device__ __forceinline__ FragmentA load_features(const bf16* features, int depth, int m) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int pixel = depth + lane % 8 + lane / 16 * 8;
  FragmentA a;
  load_matrix_x4_transposed(
      a.word, features + pixel * kTileFeatures + 8 * swizzled(2 * m + lane / 8 % 2, lane));
  return a;
}

__device__ __forceinline__ FragmentA load_features(const float* features, int depth, int m) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int pixel = lane % 4 * 2;
  const int piece = 4 * m + lane / 16;
  const auto word = [&](int next, int half) {
    return __float_as_uint(features[(depth + pixel + next) * kTileFeatures +
                                    4 * swizzled(piece + 2 * half, pixel + next) + lane / 4 % 4]);
  };
  return {{word(0, 0), word(0, 1), word(1, 0), word(1, 1)}};
}

/// All rows of a product's depth, derived, as factors.
template <class T>
__device__ __forceinline__ void load_rows(const DeviceDerivedTensor<T>& tensor, const T* features,
                                          int depth, FragmentA (&a)[kProductsDown]) {
  constexpr int values = kTileFeatures * kTileRows<T> * kTileColumns;
#pragma unroll
  for (int m = 0; m < kProductsDown; ++m) a[m] = load_features(features, depth, m);
#pragma unroll
  for (int m = 0; m < kProductsDown; ++m) {
    if (tensor.output != nullptr) {
      derive_words(tensor, load_features(features + values, depth, m).word, a[m].word);
    }
#pragma unroll
    for (std::uint32_t& word : a[m].word) word = Factor<T>::from_memory(word);
  }
}

/// The image's factors of one product's columns. `from`: value of the row's pixel `depth` at the
/// lane's tap.
template <int channels>
__device__ __forceinline__ FragmentB load_taps(const std::uint16_t* from) {
  constexpr int pixel = kTensorStride * channels;
  const std::uint32_t value[4] = {from[0], from[pixel], from[8 * pixel], from[9 * pixel]};
  return {{value[0] | value[1] << 16, value[2] | value[3] << 16}};
}
template <int channels>
__device__ __forceinline__ FragmentB load_taps(const float* from) {
  return {{to_tf32(from[0]), to_tf32(from[kTensorStride * channels])}};
}

template <class T, int channels>
__device__ __forceinline__ void add_tile(const Arguments<T>& arguments, const std::byte* stage,
                                         Sums<channels>& sums) {
  using Sizes = Layout<T, channels>;
  using Value = std::conditional_t<sizeof(T) == 2, std::uint16_t, float>;
  constexpr int pitch = Sizes::kImagePitch * Factor<T>::kValues;  // values
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const Value* of_lane = reinterpret_cast<const Value*>(stage + Sizes::image_at(arguments)) +
                         (kTensorStride * Sizes::kRowsOfWarp * warp + lane / 16) * pitch +
                         Sizes::Image::kFirst + lane / 4 % 4 +
                         lane % 4 * 2 * kTensorStride * channels;
#pragma unroll 1
  for (int step = 0; step < Sizes::kRowsOfWarp * kTileColumns; step += Factor<T>::kDepth) {
    const int row = step / kTileColumns;
    const int depth = step % kTileColumns;
    FragmentA a[kProductsDown];
    load_rows(arguments.features, reinterpret_cast<const T*>(stage),
              Sizes::kRowsOfWarp * warp * kTileColumns + step, a);
    const Value* taps = of_lane + kTensorStride * (row * pitch + depth * channels);
#pragma unroll
    for (int n = 0; n < Sizes::kProductsAcross; ++n) {
      const FragmentB b = load_taps<channels>(taps + n / channels * 2 * pitch + n % channels * 4);
#pragma unroll
      for (int m = 0; m < kProductsDown; ++m) Factor<T>::multiply(sums[m][n], a[m], b);
    }
  }
}

// Sums that warps exchange: (row m of products, warp, sums of a lane, lanes).
template <int channels>
constexpr int kExchanged = kProductsDown* kWarps * 8 * channels * 32;

/// Adds the warps' sums in order through shared memory. Warp m then has those of row m of
/// products, as its sums[0].
template <int channels>
__device__ __forceinline__ void add_warps(float* shared, Sums<channels>& sums) {
  static_assert(kWarps == kProductsDown);
  constexpr int count = 8 * channels;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  float* to = shared + warp * count * 32 + lane;
  const float* from = shared + warp * kWarps * count * 32 + lane;
  __syncthreads();  // the last tile's use is over
#pragma unroll
  for (int i = 0; i < kProductsDown * count; ++i) {
    const int m = i / count;
    to[(m * kWarps * count + i % count) * 32] = sums[m][i % count / 4].v[i % 4];
  }
  __syncthreads();
#pragma unroll
  for (int i = 0; i < count; ++i) {
    float sum = from[i * 32];
#pragma unroll
    for (int other = 1; other < kWarps; ++other) sum += from[(other * count + i) * 32];
    sums[0][i / 4].v[i % 4] = sum;
  }
}

/// Those that add_warps() leaves.
template <class T, int channels>
__device__ __forceinline__ void store_sums(const Arguments<T>& arguments, int first_feature,
                                           const Accumulator (&sums)[2 * channels]) {
  constexpr int line = kTensorKernel * channels;
  constexpr int taps = kTensorKernel * line;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  float* to = arguments.partials + std::int64_t{blockIdx.x} * arguments.conv.features * taps;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int feature = first_feature + 16 * warp + 8 * half + lane / 4;
    if (feature >= arguments.conv.features) continue;
#pragma unroll
    for (int n = 0; n < 2 * channels; ++n) {
      const int column = lane % 4 * 2;
      const int tap = (n / channels * 2 + column / 4) * line + n % channels * 4 + column % 4;
      store<2>(to + feature * taps + tap,
               Values<2>{{sums[n].v[half * 2], sums[n].v[half * 2 + 1]}});
    }
  }
}

template <class T, int channels>
__global__ void __launch_bounds__(kThreads, kBlocks<T>)
    small_channel_tensor_backward_weights_kernel(Arguments<T> arguments) {
  start_after_previous();
  using Sizes = Layout<T, channels>;
  const int first_feature = static_cast<int>(blockIdx.y) * kTileFeatures;
  const int stage_bytes = Sizes::stage_bytes(arguments);
  std::byte* stage = dynamic_shared<std::byte>();
  std::byte* other = stage + stage_bytes;
  Sums<channels> sums = {};
  copy_tile<T, channels>(arguments, blockIdx.x, first_feature, stage);
  commit_copies();
  for (unsigned index = blockIdx.x; index < arguments.tiles; index += gridDim.x) {
    wait_copies<0>();
    if (arguments.image.output != nullptr) {
      Sizes::Image::template derive<Sizes::kImagePitch>(arguments.image, arguments.wide_rows,
                                                        stage + Sizes::image_at(arguments),
                                                        Sizes::kImageBytes);
    }
    __syncthreads();  // the tile is there, and the last use of the other stage is over
    if (index + gridDim.x < arguments.tiles) {
      copy_tile<T, channels>(arguments, index + gridDim.x, first_feature, other);
    }
    commit_copies();
    add_tile<T, channels>(arguments, stage, sums);
    std::byte* const used = stage;
    stage = other;
    other = used;
  }
  wait_copies<0>();
  add_warps<channels>(dynamic_shared<float>(), sums);
  store_sums<T, channels>(arguments, first_feature, sums[0]);
}

template <class T>
int tiles_down(const SmallChannelConv& conv) {
  return (conv.rows + kTileRows<T> - 1) / kTileRows<T>;
}
int tiles_across(const SmallChannelConv& conv) {
  return (conv.columns + kTileColumns - 1) / kTileColumns;
}

unsigned chunks_of(const SmallChannelConv& conv) {
  unsigned chunks = 0;
  with_storage(conv.dtype, [&]<class T>() {
    chunks = std::min(tile_count(conv, tiles_down<T>(conv), tiles_across(conv)), kMostChunks<T>);
  });
  return chunks;
}

template <class T, int channels>
void launch_kernel(const Context& context, const Arguments<T>& arguments) {
  using Sizes = Layout<T, channels>;
  const SmallChannelConv& conv = arguments.conv;
  const int shared_bytes = std::max(2 * Sizes::stage_bytes(arguments), 4 * kExchanged<channels>);
  const int tiles_of_features = (conv.features + kTileFeatures - 1) / kTileFeatures;
  launch(context, small_channel_tensor_backward_weights_kernel<T, channels>,
         {"small_channel_tensor_backward_weights_kernel",
          dim3(chunks_of(conv), static_cast<unsigned>(tiles_of_features)), dim3(kThreads),
          static_cast<std::size_t>(shared_bytes)},
         arguments);
}

}  // namespace

std::int64_t small_channel_tensor_partials(const SmallChannelConv& conv) {
  return std::int64_t{chunks_of(conv)} * conv.features * conv.taps();
}

void small_channel_tensor_backward_weights(const Context& context, const SmallChannelConv& conv,
                                           const DerivedTensor& image,
                                           const DerivedTensor& features, TensorView dweights,
                                           float* partials) {
  with_storage(conv.dtype, [&]<class T>() {
    Arguments<T> arguments{};
    arguments.conv = conv;
    arguments.image = on_device<T>(image);
    arguments.features = on_device<T>(features);
    arguments.wide_rows = has_wide_rows(arguments.image, conv);
    arguments.partials = partials;
    arguments.tiles_down = tiles_down<T>(conv);
    arguments.tiles_across = tiles_across(conv);
    arguments.tiles = tile_count(conv, arguments.tiles_down, arguments.tiles_across);
    DCGAN_CHECK(aligned16(arguments.features.data, arguments.features.output),
                "conv: features are not aligned to 16 bytes");
    conv.channels == 1 ? launch_kernel<T, 1>(context, arguments)
                       : launch_kernel<T, 3>(context, arguments);
  });
  sum_columns(context, partials, chunks_of(conv), std::int64_t{conv.features} * conv.taps(),
              dweights.as<float>());
}

}  // namespace dcgan::cuda
