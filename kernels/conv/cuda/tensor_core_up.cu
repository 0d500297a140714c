// The image from features. Pixel (2 i + a, 2 j + b) of the image, of phase (a, b), is read by the
// windows of four feature pixels only, (i + a - 1 + u, j + b - 1 + v) for u, v = 0, 1, through tap
// (3 - a - 2 u, 3 - b - 2 v). So each phase is a product of its own: row m is the 2 x 2 window of
// pixel m = (n, i, j) in the features, which begins at (i + a - 1, j + b - 1); column c a channel;
// along the depth the features of (u, v) = (0, 0), (0, 1), ...
#include "kernels/conv/cuda/tensor_core_launch.h"

namespace dcgan::cuda {
namespace {

constexpr int kWindow = 2;
constexpr int kKernel = 4;

template <class T>
struct Arguments {
  WindowedTensor<T> features;  // its window begins at the pixel itself: the phase moves it
  PixelGrid grid;
  const T* weights;
  int channels;
  ProductDivision division;
  SumsOut<T> out;
};

template <class T, class Tile>
struct Copies {
  using A = DepthInner<T, Tile::kRows, Tile::kDepthBytes>;
  using B = DepthOuter<T, Tile::kColumns, Tile::kDepthBytes>;
  static constexpr int kDepth = Tile::template kDepth<T>;

  __device__ __forceinline__ Copies(const Arguments<T>& arguments, const BlockPlace& place)
      : features(moved(arguments.features, place.phase), arguments.grid, place.row),
        filters(arguments.weights, place.column, arguments.channels,
                kKernel * kKernel * arguments.channels),
        width(arguments.features.width),
        feature_count(arguments.features.channels),
        channels(arguments.channels),
        last_tap((3 - place.phase / 2) * kKernel + 3 - place.phase % 2),
        tap(place.first_step * kDepth / feature_count),
        feature(place.first_step * kDepth - tap * feature_count) {}

  __device__ __forceinline__ void enqueue(unsigned char* tile_a, unsigned char* tile_b) {
    const int u = tap / kWindow;
    const int v = tap % kWindow;
    features.enqueue(tile_a, tap, (u * width + v) * feature_count, feature);
    const int kernel_tap = last_tap - 2 * (u * kKernel + v);
    filters.enqueue(tile_b, (feature * kKernel * kKernel + kernel_tap) * channels);
    feature += kDepth;
    if (feature == feature_count) {
      feature = 0;
      ++tap;
    }
  }

  __device__ static __forceinline__ WindowedTensor<T> moved(WindowedTensor<T> features, int phase) {
    features.first_row = phase / 2 - 1;
    features.first_column = phase % 2 - 1;
    return features;
  }

  WindowRows<T, A, Tile::kThreads, kWindow> features;
  FilterColumns<T, B, Tile::kThreads> filters;
  int width;
  int feature_count;
  int channels;
  int last_tap;  // of the kernel, for (u, v) = (0, 0)
  int tap;       // of the window, of the next step
  int feature;
};

template <class T, class Tile>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks)
    tensor_core_up_kernel(Arguments<T> arguments) {
  start_after_previous();
  using Loop = Copies<T, Tile>;
  auto* shared = dynamic_shared<unsigned char>();
  const BlockPlace place = block_place<Tile>(arguments.division);
  WarpSums<Tile> sums{};
  Loop copies(arguments, place);
  start_after_previous();
  multiply_tiles<Tile, T, typename Loop::A, typename Loop::B>(shared, place.steps, copies, sums);
  const int channels = arguments.channels;
  store_sums<Tile, T>(
      sums, shared, arguments.out, place.split, channels - place.column, [&](int row) {
        const PixelGrid& grid = arguments.grid;
        if (place.row + row >= grid.pixels) return std::int64_t{-1};
        const Pixel pixel = pixel_at(grid, place.row + row);
        const int height = 2 * static_cast<int>(grid.by_row.divisor);
        const int width = 2 * static_cast<int>(grid.by_column.divisor);
        const std::int64_t h = std::int64_t{pixel.image} * height + 2 * pixel.row + place.phase / 2;
        return (h * width + 2 * pixel.column + place.phase % 2) * channels + place.column;
      });
}

}  // namespace

void tensor_core_up(const Context& context, const TensorCoreConv& conv, TensorCoreTile tile,
                    const TensorCoreOperands& operands) {
  const ProductDivision division = divide(conv, TensorCoreProduct::up, tile);
  with_storage(conv.dtype, [&]<class T>() {
    const WindowedTensor<T> features{
        operands.features.as<T>(), conv.rows, conv.columns, conv.features, /*stride=*/1, 0, 0};
    const Arguments<T> arguments{features,
                                 PixelGrid(conv.images, conv.rows, conv.columns),
                                 operands.weights.as<T>(),
                                 conv.channels,
                                 division,
                                 sums_out<T>(operands, division)};
    with_tile<T>(tile, [&]<class Tile>() {
      launch(context, tensor_core_up_kernel<T, Tile>,
             launch_shape<Tile>("tensor_core_up_kernel", division), arguments);
    });
  });
  finish_splits(context, operands, division);
}

}  // namespace dcgan::cuda
