// The backward_weights product on tensor cores: rows are 64 features, columns the 16 C taps, the
// depth is the feature pixels. A warp takes 32 of a tile's 8 x 16 pixels, two rows of them, and
// sums them into its own registers: all taps of all features of the block. After a block's last
// tile its warps add up in order; blocks leave partial sums that a second launch adds in order.
//
// Columns. Product (rows, i) has the taps of two kernel rows r = 2 rows + n / 4 at the offsets
// 4 i + n % 4 of a row's 4 C.
//
// Depth. The order of the pixels is free as long as both factors agree: lane t has pixels 2t, 2t +
// 1 of eight, as one word (bf16) or as two (TF32).
//
// Banks of the patch. Lane (g, t) reads the word of pixel 2t (or 2t + 1), row g / 4, offset g % 4:
// C = 3 in bf16: words 6t + 0..1; in TF32 12t + 0..3; C = 1: 2t + 0..1 and 4t + 0..3. Modulo 32
// these leave the other row its place 16 banks further on, so the pitch is 16 modulo 32. Banks of
// the features. bf16: pixels at a pitch of 36 words, for ldmatrix: row r of 8 at bank 4 r. TF32:
// pixels at a pitch of 68 words: lane (g, t) reads word 2t * 68 + g, bank 8 t + g.
#include <algorithm>
#include <type_traits>

#include "kernels/common/cuda/columns.h"
#include "kernels/conv/cuda/small_channel_tensor.h"
#include "kernels/conv/cuda/small_channel_tensor_device.h"

namespace dcgan::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kThreads = 32 * kWarps;
constexpr int kTileRows = 8;
constexpr int kTileColumns = 16;
constexpr int kRowsOfWarp = kTileRows / kWarps;
constexpr int kTileFeatures = 64;
constexpr int kProductsDown = kTileFeatures / 16;
constexpr unsigned kMostChunks = 396;  // three for each of 132 multiprocessors

template <class T>
struct Arguments {
  SmallChannelConv conv;
  DeviceDerivedTensor<T> image;
  DeviceDerivedTensor<T> features;
  float* partials;  // (gridDim.x, K, taps)
  int tiles_down;
  int tiles_across;
  unsigned tiles;
};

template <class T, int channels>
struct Layout {
  using Patch = ImagePatch<T, channels, kTileRows, kTileColumns>;
  static constexpr int kPatchPitch = pitch_of(Patch::kWords, 16);               // words
  static constexpr int kPixelPitch = kTileFeatures + (sizeof(T) == 2 ? 8 : 4);  // values
  static constexpr int kProductsAcross = 2 * channels;
  using Window =
      FeatureWindow<kTileRows, kTileColumns, kTileFeatures / kWide<T>,
                    kPixelPitch* static_cast<int>(sizeof(T)), kThreads>;  // (pixels, features)
  static constexpr std::size_t kFeatureBytes =
      std::size_t{kTileRows} * kTileColumns * kPixelPitch * sizeof(T);
  static constexpr std::size_t kPatchBytes = std::size_t{Patch::kRows} * kPatchPitch * 4;
};

template <int channels>
using Sums = Accumulator[kProductsDown][2 * channels];

/// The patch of a tile to shared memory; four words of a thread are on their way at a time.
template <class T, int channels>
__device__ __forceinline__ void stage_patch(const Arguments<T>& arguments, const FeatureTile& tile,
                                            std::uint32_t* shared) {
  using Sizes = Layout<T, channels>;
  constexpr int batch = 4;
#pragma unroll 1
  for (int i = static_cast<int>(threadIdx.x); i < Sizes::Patch::kCount; i += batch * kThreads) {
    std::uint32_t word[batch];
    Sizes::Patch::template load<kThreads>(arguments.image, arguments.conv, tile, i, word);
#pragma unroll
    for (int j = 0; j < batch; ++j) {
      Sizes::Patch::template store<Sizes::kPatchPitch>(shared, i + j * kThreads, word[j]);
    }
  }
}

/// The features of a row's pixels `depth`.., as the 16 rows m of a product.
template <int pitch>
__device__ __forceinline__ FragmentA load_features(const bf16* row, int depth, int m) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  FragmentA a;
  load_matrix_x4_transposed(
      a.word, row + (depth + lane % 8 + lane / 16 * 8) * pitch + 16 * m + lane / 8 % 2 * 8);
  return a;
}

template <int pitch>
__device__ __forceinline__ FragmentA load_features(const float* row, int depth, int m) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const float* from = row + (depth + lane % 4 * 2) * pitch + 16 * m + lane / 4;
  return {{to_tf32(from[0]), to_tf32(from[8]), to_tf32(from[pitch]), to_tf32(from[pitch + 8])}};
}

/// The patch's factors of one product's columns. `from`: value of the row's pixel `depth` at the
/// lane's tap.
template <int channels>
__device__ __forceinline__ FragmentB load_taps(const std::uint16_t* from) {
  constexpr int pixel = kTensorStride * channels;
  const std::uint32_t value[4] = {from[0], from[pixel], from[8 * pixel], from[9 * pixel]};
  return {{value[0] | value[1] << 16, value[2] | value[3] << 16}};
}
template <int channels>
__device__ __forceinline__ FragmentB load_taps(const std::uint32_t* from) {
  return {{from[0], from[kTensorStride * channels]}};
}

template <class T, int channels>
__device__ __forceinline__ void add_tile(const T* features, const std::uint32_t* patch,
                                         Sums<channels>& sums) {
  using Sizes = Layout<T, channels>;
  using Value = std::conditional_t<sizeof(T) == 2, std::uint16_t, std::uint32_t>;
  constexpr int patch_pitch = Sizes::kPatchPitch * Factor<T>::kValues;  // values
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const Value* of_lane = reinterpret_cast<const Value*>(patch) +
                         (kTensorStride * kRowsOfWarp * warp + lane / 16) * patch_pitch +
                         lane / 4 % 4 + lane % 4 * 2 * kTensorStride * channels;
#pragma unroll 1
  for (int step = 0; step < kRowsOfWarp * kTileColumns; step += Factor<T>::kDepth) {
    const int row = step / kTileColumns;
    const int depth = step % kTileColumns;
    const T* pixels = features + (kRowsOfWarp * warp + row) * kTileColumns * Sizes::kPixelPitch;
    FragmentA a[kProductsDown];
#pragma unroll
    for (int m = 0; m < kProductsDown; ++m) {
      a[m] = load_features<Sizes::kPixelPitch>(pixels, depth, m);
    }
    const Value* taps = of_lane + kTensorStride * (row * patch_pitch + depth * channels);
#pragma unroll
    for (int n = 0; n < Sizes::kProductsAcross; ++n) {
      const FragmentB b =
          load_taps<channels>(taps + n / channels * 2 * patch_pitch + n % channels * 4);
#pragma unroll
      for (int m = 0; m < kProductsDown; ++m) Factor<T>::multiply(sums[m][n], a[m], b);
    }
  }
}

/// Adds the warps' sums in order through shared memory; warp 0 has them.
template <int channels>
__device__ __forceinline__ void add_warps(float* shared, Sums<channels>& sums) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  for (int other = 1; other < kWarps; ++other) {
    __syncthreads();
#pragma unroll
    for (int i = 0; i < kProductsDown * 2 * channels * 4; ++i) {
      float& sum = sums[i / 4 / (2 * channels)][i / 4 % (2 * channels)].v[i % 4];
      if (warp == other) shared[32 * i + lane] = sum;
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < kProductsDown * 2 * channels * 4; ++i) {
      float& sum = sums[i / 4 / (2 * channels)][i / 4 % (2 * channels)].v[i % 4];
      if (warp == 0) sum += shared[32 * i + lane];
    }
  }
}

template <class T, int channels>
__device__ __forceinline__ void store_sums(const Arguments<T>& arguments, int first_feature,
                                           const Sums<channels>& sums) {
  constexpr int line = kTensorKernel * channels;
  constexpr int taps = kTensorKernel * line;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  float* to = arguments.partials + std::int64_t{blockIdx.x} * arguments.conv.features * taps;
#pragma unroll
  for (int i = 0; i < kProductsDown * 2; ++i) {
    const int feature = first_feature + 8 * i + lane / 4;
#pragma unroll
    for (int n = 0; n < 2 * channels; ++n) {
      const int column = lane % 4 * 2;
      const int tap = (n / channels * 2 + column / 4) * line + n % channels * 4 + column % 4;
      const Accumulator& sum = sums[i / 2][n];
      if (feature < arguments.conv.features) {
        store<2>(to + feature * taps + tap, Values<2>{{sum.v[i % 2 * 2], sum.v[i % 2 * 2 + 1]}});
      }
    }
  }
}

template <class T, int channels>
__global__ void __launch_bounds__(kThreads, sizeof(T) == 2 ? 3 : 2)
    small_channel_tensor_backward_weights_kernel(Arguments<T> arguments) {
  start_after_previous();
  using Sizes = Layout<T, channels>;
  auto* features = dynamic_shared<T>();
  auto* patch =
      reinterpret_cast<std::uint32_t*>(dynamic_shared<std::byte>() + Sizes::kFeatureBytes);
  const int first_feature = static_cast<int>(blockIdx.y) * kTileFeatures;
  Sums<channels> sums = {};
  for (unsigned index = blockIdx.x; index < arguments.tiles; index += gridDim.x) {
    const FeatureTile tile =
        tensor_tile(index, arguments.tiles_down, arguments.tiles_across, kTileRows, kTileColumns);
    __syncthreads();  // the last tile's use is over
    Sizes::Window::stage(arguments.features, arguments.conv, tile, first_feature,
                         dynamic_shared<std::byte>());
    stage_patch<T, channels>(arguments, tile, patch);
    wait_copies<0>();
    __syncthreads();
    add_tile<T, channels>(features, patch, sums);
  }
  add_warps<channels>(dynamic_shared<float>(), sums);
  if (threadIdx.x < 32) store_sums<T, channels>(arguments, first_feature, sums);
}

int tiles_down(const SmallChannelConv& conv) { return (conv.rows + kTileRows - 1) / kTileRows; }
int tiles_across(const SmallChannelConv& conv) {
  return (conv.columns + kTileColumns - 1) / kTileColumns;
}

unsigned chunks_of(const SmallChannelConv& conv) {
  return std::min(tile_count(conv, tiles_down(conv), tiles_across(conv)), kMostChunks);
}

template <class T, int channels>
void launch_kernel(const Context& context, const Arguments<T>& arguments) {
  using Sizes = Layout<T, channels>;
  static_assert(kProductsDown * 2 * channels * 4 * 32 * sizeof(float) <= Sizes::kFeatureBytes);
  const SmallChannelConv& conv = arguments.conv;
  const int tiles_of_features = (conv.features + kTileFeatures - 1) / kTileFeatures;
  launch(context, small_channel_tensor_backward_weights_kernel<T, channels>,
         {"small_channel_tensor_backward_weights_kernel",
          dim3(chunks_of(conv), static_cast<unsigned>(tiles_of_features)), dim3(kThreads),
          Sizes::kFeatureBytes + Sizes::kPatchBytes},
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
    arguments.partials = partials;
    arguments.tiles_down = tiles_down(conv);
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
