// Features from the image: row m is the 4 x 4 window of feature pixel m, column k a feature; along
// the depth the channels of tap (0, 0), (0, 1), ... as they lie in the weights.
#include "kernels/conv/cuda/tensor_core_launch.h"

namespace dcgan::cuda {
namespace {

constexpr int kWindow = 4;

template <class T>
struct Arguments {
  WindowedTensor<T> image;
  PixelGrid grid;
  const T* weights;
  int features;
  ProductDivision division;
  SumsOut<T> out;
};

template <class T, class Tile>
struct Copies {
  using A = DepthInner<T, Tile::kRows, Tile::kDepthBytes>;
  using B = DepthInner<T, Tile::kColumns, Tile::kDepthBytes>;
  static constexpr int kDepth = Tile::template kDepth<T>;

  __device__ __forceinline__ Copies(const Arguments<T>& arguments, const BlockPlace& place)
      : image(arguments.image, arguments.grid, place.row),
        filters(arguments.weights, place.column, arguments.features,
                kWindow * kWindow * arguments.image.channels),
        width(arguments.image.width),
        channels(arguments.image.channels),
        tap(place.first_step * kDepth / channels),
        channel(place.first_step * kDepth - tap * channels) {}

  __device__ __forceinline__ void enqueue(unsigned char* tile_a, unsigned char* tile_b) {
    const int pixels = tap / kWindow * width + tap % kWindow;
    image.enqueue(tile_a, tap, pixels * channels, channel);
    filters.enqueue(tile_b, tap * channels + channel);
    channel += kDepth;
    if (channel == channels) {
      channel = 0;
      ++tap;
    }
  }

  WindowRows<T, A, Tile::kThreads, kWindow> image;
  FilterRows<T, B, Tile::kThreads> filters;
  int width;
  int channels;
  int tap;  // of the next step
  int channel;
};

template <class T, class Tile>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks)
    tensor_core_down_kernel(Arguments<T> arguments) {
  start_after_previous();
  using Loop = Copies<T, Tile>;
  auto* shared = dynamic_shared<unsigned char>();
  const BlockPlace place = block_place<Tile>(arguments.division);
  WarpSums<Tile> sums{};
  Loop copies(arguments, place);
  start_after_previous();
  multiply_tiles<Tile, T, typename Loop::A, typename Loop::B>(shared, place.steps, copies, sums);
  const int features = arguments.features;
  const int left = arguments.grid.pixels - place.row;
  const std::int64_t first = std::int64_t{place.row} * features + place.column;
  store_sums<Tile, T>(
      sums, shared, arguments.out, place.split, features - place.column,
      [=](int row) { return row < left ? first + std::int64_t{row} * features : -1; });
}

}  // namespace

void tensor_core_down(const Context& context, const TensorCoreConv& conv, TensorCoreTile tile,
                      const TensorCoreOperands& operands) {
  const ProductDivision division = divide(conv, TensorCoreProduct::down, tile);
  with_storage(conv.dtype, [&]<class T>() {
    const WindowedTensor<T> image{operands.image.as<T>(), conv.height,      conv.width,
                                  conv.channels,
                                  /*stride=*/2,           /*first_row=*/-1, /*first_column=*/-1};
    const Arguments<T> arguments{image,
                                 PixelGrid(conv.images, conv.rows, conv.columns),
                                 operands.weights.as<T>(),
                                 conv.features,
                                 division,
                                 sums_out<T>(operands, division)};
    with_tile<T>(tile, [&]<class Tile>() {
      launch(context, tensor_core_down_kernel<T, Tile>,
             launch_shape<Tile>("tensor_core_down_kernel", division), arguments);
    });
  });
  finish_splits(context, operands, division);
}

}  // namespace dcgan::cuda
