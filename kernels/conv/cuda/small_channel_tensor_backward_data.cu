// The backward_data product on tensor cores. Position (i, j) has the pixels h = 2i + a, w = 2j + b,
// which are its 4 C outputs o = (2a + b) C + c. They sum
//
//   row 2i      feature row i - 1 times kernel row 3, and i times 1
//   row 2i + 1  feature row i times kernel row 2, and i + 1 times 0
//   column 2j, 2j + 1  likewise
//
// so a product's rows are the 16 feature columns q of a row p, its depth is the features, and its
// columns are 2 o + `side`: for each output one sum over q = j (side 0) and one over the neighbour
// column (side 1), which a shuffle fetches from the lane that has it. Sums of the three feature
// rows go into the same accumulators. Of the columns, row i - 1 needs the first half and row i + 1
// the second; products that would be zero are left out.
//
// A tile has some rows of positions, a warp each, and a strip of 16, 32 or 64 columns. Where a
// strip does not span the image, the outermost columns serve as neighbours only. Features and
// weights lie in shared memory, 128 bytes of features at a time for each pixel and each column.
//
// A block has a run of tiles, one below the other. While one is multiplied the next one's rows are
// copied, as they lie in memory; those that both read are copied once. Derived features are
// multiplied by the derivative in shared memory by the thread that has copied them. With more
// features than one chunk each (tile, chunk) copies all its rows.
//
// Banks. Weights: the pitch of 144 bytes is 36 words, so row r of the 8 that ldmatrix reads at once
// begins at bank 4 r and is 4 banks wide. Features: swizzled(), and the 8 rows are 8 pixels.
#include <algorithm>
#include <cstddef>

#include "kernels/common/cuda/reduce.h"
#include "kernels/conv/cuda/small_channel_tensor.h"
#include "kernels/conv/cuda/small_channel_tensor_ring.h"

namespace dcgan::cuda {
namespace {

constexpr int kChunkBytes = 128;          // of features at a time
constexpr int kPitch = kChunkBytes + 16;  // of weights
constexpr int kStepBytes = 32;            // of a product's depth, in both types
constexpr int kRowsRead = 3;              // feature rows of a position

// At most, by shared memory: four and three for each of 132 multiprocessors.
constexpr unsigned kMostBlocks = 528;
constexpr unsigned kMostDerivedBlocks = 396;

template <class T>
struct Arguments {
  SmallChannelConv conv;
  DeviceDerivedTensor<T> features;
  const T* weights;
  T* image;
  Activation kind;
  float negative_slope;
  TileGrid grid;
};

template <class T>
constexpr int kChunk = kChunkBytes / static_cast<int>(sizeof(T));

/// across: products side by side in a warp's row.
template <int across>
struct Strip {
  static constexpr int kColumns = 16 * across;
  static constexpr int kOwned = kColumns - 2;  // columns from one strip to the next
  static constexpr int kRows = 8 / across;     // of positions: warps of a block
  static constexpr int kThreads = 32 * kRows;
  static constexpr int kBlocks = across == 1 ? 2 : 4;  // of a multiprocessor, by registers
  using Ring = FeatureRing<kRows, kColumns, kOwned, kThreads>;
};

template <int channels>
constexpr int kWeightBytes = kRowsRead * 8 * channels* kPitch;

/// The weights of a chunk, (3 feature rows, 8 C columns, features). Columns that a row does not
/// have stay as they are: zero.
template <class T, int channels, int threads>
__device__ __forceinline__ void stage_weights(const Arguments<T>& arguments, int first_feature,
                                              std::byte* shared) {
  constexpr int line = kTensorKernel * channels;
  constexpr int taps = kTensorKernel * line;
#pragma unroll 4
  for (int i = static_cast<int>(threadIdx.x); i < taps * kChunk<T>; i += threads) {
    const int k = i / taps;
    const int r = i % taps / line;
    const int s = i % line / channels;
    const int a = (r + 1) % 2;  // kernel rows 1, 3 belong to a = 0; 0, 2 to a = 1
    const int b = (s + 1) % 2;
    const int row = r == 3 ? 0 : r == 0 ? 2 : 1;
    const int side = s == 0 || s == 3 ? 1 : 0;
    const int column = 2 * ((2 * a + b) * channels + i % channels) + side;
    const bool inside = first_feature + k < arguments.conv.features;
    const float value =
        inside ? load_one(arguments.weights + std::int64_t{first_feature} * taps + i) : 0.0f;
    auto* to = reinterpret_cast<T*>(shared + (row * 8 * channels + column) * kPitch) + k;
    if constexpr (sizeof(T) == 4) {
      *to = __uint_as_float(to_tf32(value));
    } else {
      store_one(to, value);
    }
  }
}

/// Adds one chunk. `rows`: the warp's feature rows, null outside; `weights`: of the lane, as
/// load_matrix_x4 takes them.
template <class T, int channels, int across>
__device__ __forceinline__ void add_chunk(const std::byte* const (&rows)[kRowsRead],
                                          const std::byte* weights,
                                          Accumulator (&sums)[across][channels]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll 1
  for (int step = 0; step < kChunkBytes; step += 2 * kStepBytes) {
#pragma unroll
    for (int row = 0; row < kRowsRead; ++row) {
      if (rows[row] == nullptr) continue;
      FragmentA a[2][across];
#pragma unroll
      for (int m = 0; m < across; ++m) {
#pragma unroll
        for (int s = 0; s < 2; ++s) {
          const int piece = (step + s * kStepBytes) / 16 + lane / 16;
          load_matrix_x4(a[s][m].word, rows[row] + (16 * m + lane % 16) * kChunkBytes +
                                           16 * swizzled(piece, lane));
#pragma unroll
          for (std::uint32_t& word : a[s][m].word) word = Factor<T>::from_memory(word);
        }
      }
#pragma unroll
      for (int n = 0; n < channels; ++n) {
        if (row == 0 && 8 * n >= 4 * channels) continue;      // no column of row i - 1
        if (row == 2 && 8 * n + 8 <= 4 * channels) continue;  // no column of row i + 1
        std::uint32_t word[4];
        load_matrix_x4(word, weights + (row * channels + n) * 8 * kPitch + step);
#pragma unroll
        for (int s = 0; s < 2; ++s) {
          const FragmentB b{{word[2 * s], word[2 * s + 1]}};
#pragma unroll
          for (int m = 0; m < across; ++m) Factor<T>::multiply(sums[m][n], a[s][m], b);
        }
      }
    }
  }
}

/// Adds to each output the sum of the neighbour column. The outputs are then v[0] of position g and
/// v[2] of position g + 8.
template <int channels, int across>
__device__ __forceinline__ void add_neighbours(Accumulator (&sums)[across][channels]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int n = 0; n < channels; ++n) {
    const bool right = (4 * n + lane % 4) / channels % 2 != 0;  // b = 1 reads q = j + 1
    const int from = (lane + (right ? 4 : 28)) % 32;
    const bool wraps = right ? lane >= 28 : lane < 4;  // the neighbour is in another eight
    float low[across];
    float high[across];
#pragma unroll
    for (int m = 0; m < across; ++m) {
      low[m] = __shfl_sync(kFullWarp, sums[m][n].v[1], from);
      high[m] = __shfl_sync(kFullWarp, sums[m][n].v[3], from);
    }
#pragma unroll
    for (int m = 0; m < across; ++m) {
      const float before = m > 0 ? high[m > 0 ? m - 1 : 0] : 0.0f;
      const float after = m + 1 < across ? low[m + 1 < across ? m + 1 : 0] : 0.0f;
      sums[m][n].v[0] += !wraps ? low[m] : right ? high[m] : before;
      sums[m][n].v[2] += !wraps ? high[m] : right ? after : low[m];
    }
  }
}

template <class T, int channels, int across>
__device__ __forceinline__ void store_outputs(const Arguments<T>& arguments,
                                              const FeatureTile& tile,
                                              const Accumulator (&sums)[across][channels]) {
  const SmallChannelConv& conv = arguments.conv;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int i = tile.row + static_cast<int>(threadIdx.x) / 32;
  const int last = tile.column + Strip<across>::kColumns - 1;
#pragma unroll
  for (int n = 0; n < channels; ++n) {
    const int o = 4 * n + lane % 4;
    const std::int64_t line = std::int64_t{tile.image} * conv.height + 2 * i + o / (2 * channels);
#pragma unroll
    for (int half = 0; half < 2 * across; ++half) {
      const int j = tile.column + 8 * half + lane / 4;
      // The strip's first and last columns lack a neighbour, except at the image's edge.
      const bool owned = (j > tile.column || j == 0) && (j < last || j + 1 == conv.columns);
      if (i < conv.rows && j < conv.columns && owned) {
        store_one(arguments.image + (line * conv.columns + j) * 2 * channels + o % (2 * channels),
                  sums[half / 2][n].v[half % 2 * 2]);
      }
    }
  }
}

/// Adds a chunk of a tile that is in the ring.
template <class T, int channels, int across>
__device__ __forceinline__ void add_tile(const Arguments<T>& arguments,
                                         const typename Strip<across>::Ring& ring,
                                         const typename Strip<across>::Ring::Tile& tile,
                                         const std::byte* weights,
                                         Accumulator (&sums)[across][channels]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const std::byte* rows[kRowsRead];
#pragma unroll
  for (int row = 0; row < kRowsRead; ++row) {
    const int p = tile.at.row + warp - 1 + row;
    rows[row] = p >= 0 && p < arguments.conv.rows ? ring.row(tile, warp + row) : nullptr;
  }
  add_chunk<T, channels, across>(rows, weights + lane % 8 * kPitch + lane / 8 * 16, sums);
}

template <class T, int channels, int across>
__device__ __forceinline__ void finish_tile(const Arguments<T>& arguments, const FeatureTile& tile,
                                            Accumulator (&sums)[across][channels]) {
  add_neighbours<channels, across>(sums);
#pragma unroll
  for (int m = 0; m < across; ++m) {
    activate_sums<2>(arguments.kind, arguments.negative_slope, sums[m]);
  }
  store_outputs<T, channels, across>(arguments, tile, sums);
#pragma unroll
  for (int i = 0; i < across * channels; ++i) sums[i / channels][i % channels] = {};
}

template <class T, int channels, int across>
__global__ void __launch_bounds__(Strip<across>::kThreads, Strip<across>::kBlocks)
    small_channel_tensor_backward_data_kernel(Arguments<T> arguments) {
  start_after_previous();
  using Sizes = Strip<across>;
  using Ring = typename Sizes::Ring;
  auto* weights = dynamic_shared<std::byte>();
  std::byte* const rows = weights + kWeightBytes<channels>;
  const int slots = Ring::slots_of(arguments.conv, kChunk<T>);
  const Ring ring{rows, rows + slots * Ring::kRowBytes, slots};
  typename Ring::Run run(arguments.conv, arguments.grid, kChunk<T>);
  ring.copy(arguments.features, arguments.conv, run.tile());
  commit_copies();
  for (int i = static_cast<int>(threadIdx.x) * 4; i < kWeightBytes<channels>;
       i += Sizes::kThreads * 4) {
    *reinterpret_cast<std::uint32_t*>(weights + i) = 0;
  }
  Accumulator sums[across][channels] = {};
  bool staged = false;
  while (!run.is_over()) {
    const typename Ring::Tile tile = run.tile();
    wait_copies<0>();
    if (arguments.features.output != nullptr) {
      ring.derive(arguments.features, arguments.conv, tile);
    }
    __syncthreads();  // the tile is there, and the last uses of other rows and of weights are over
    run.advance(ring);
    if (!run.is_over()) ring.copy(arguments.features, arguments.conv, run.tile());
    commit_copies();
    if (!staged) {  // weights that fit one chunk are staged once a block
      stage_weights<T, channels, Sizes::kThreads>(arguments, tile.first_feature, weights);
      staged = !run.is_divided();
      __syncthreads();
    }
    add_tile<T, channels, across>(arguments, ring, tile, weights, sums);
    if (run.tile().first_feature == 0) {
      finish_tile<T, channels, across>(arguments, tile.at, sums);
    }
  }
  wait_copies<0>();
}

template <class T, int channels, int across>
void launch_kernel(const Context& context, Arguments<T> arguments) {
  using Sizes = Strip<across>;
  using Ring = typename Sizes::Ring;
  const SmallChannelConv& conv = arguments.conv;
  TileGrid& grid = arguments.grid;
  grid.down = (conv.rows + Sizes::kRows - 1) / Sizes::kRows;
  grid.across =
      conv.columns <= Sizes::kColumns ? 1 : (conv.columns - 2 + Sizes::kOwned - 1) / Sizes::kOwned;
  grid.tiles = tile_count(conv, grid.down, grid.across);
  DCGAN_CHECK(std::int64_t{conv.rows} * conv.columns * conv.features <= 0x7fffffff,
              "conv: {} x {} x {} features of an image are too many", conv.rows, conv.columns,
              conv.features);
  const bool derived = arguments.features.output != nullptr;
  const int ring_rows = Ring::slots_of(conv, kChunk<T>) + (derived ? Ring::kRows : 0);
  launch(context, small_channel_tensor_backward_data_kernel<T, channels, across>,
         {"small_channel_tensor_backward_data_kernel",
          dim3(std::min(grid.tiles, derived ? kMostDerivedBlocks : kMostBlocks)),
          dim3(Sizes::kThreads),
          static_cast<std::size_t>(kWeightBytes<channels>) + ring_rows * Ring::kRowBytes},
         arguments);
}

template <class T, int channels>
void launch_strip(const Context& context, const Arguments<T>& arguments) {
  if (arguments.conv.columns <= 16) return launch_kernel<T, channels, 1>(context, arguments);
  if (arguments.conv.columns <= 32) return launch_kernel<T, channels, 2>(context, arguments);
  launch_kernel<T, channels, 4>(context, arguments);
}

}  // namespace

void small_channel_tensor_backward_data(const Context& context, const SmallChannelConv& conv,
                                        const DerivedTensor& features, ConstTensorView weights,
                                        TensorView image, const ActivationSpec& activation) {
  with_storage(conv.dtype, [&]<class T>() {
    Arguments<T> arguments{};
    arguments.conv = conv;
    arguments.features = on_device<T>(features);
    arguments.weights = weights.as<T>();
    arguments.image = image.as<T>();
    arguments.kind = activation.kind;
    arguments.negative_slope = activation.negative_slope;
    DCGAN_CHECK(aligned16(arguments.features.data, arguments.features.output),
                "conv: features are not aligned to 16 bytes");
    conv.channels == 1 ? launch_strip<T, 1>(context, arguments)
                       : launch_strip<T, 3>(context, arguments);
  });
}

}  // namespace dcgan::cuda
