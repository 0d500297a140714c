// Weight gradients: row k is a feature, column (r, s, c) a weight of it, as the weights are stored;
// the depth counts the feature pixels of the batch. Both factors lie with the depth outside.
#include "kernels/conv/cuda/tensor_core_launch.h"

namespace dcgan::cuda {
namespace {

constexpr int kWindow = 4;

template <class T>
struct Arguments {
  WindowedTensor<T> image;
  PixelGrid grid;
  const T* features;
  int feature_count;
  ProductDivision division;
  SumsOut<float> out;
};

template <class T, class Tile>
struct Copies {
  using A = DepthOuter<T, Tile::kRows, Tile::kDepthBytes>;
  using B = DepthOuter<T, Tile::kColumns, Tile::kDepthBytes>;
  static constexpr int kDepth = Tile::template kDepth<T>;

  __device__ __forceinline__ Copies(const Arguments<T>& arguments, const BlockPlace& place)
      : grid(arguments.grid),
        features(arguments.features, place.row, arguments.feature_count),
        image(arguments.image, place.column),
        pixel(place.first_step * kDepth) {}

  __device__ __forceinline__ void enqueue(unsigned char* tile_a, unsigned char* tile_b) {
    features.enqueue(tile_a, pixel, grid.pixels);
    image.enqueue(tile_b, grid, pixel);
    pixel += kDepth;
  }

  const PixelGrid& grid;
  PixelFeatures<T, A, Tile::kThreads> features;
  WindowColumns<T, B, Tile::kThreads, kWindow> image;
  int pixel;  // first of the next step
};

/// f32 words are read one by one, through more addresses than the registers of a full set of blocks
/// can hold.
template <class T, class Tile>
constexpr int kBlocks = sizeof(T) == 2 ? Tile::kBlocks : Tile::kBlocks - 1;

template <class T, class Tile>
__global__ void __launch_bounds__(Tile::kThreads, (kBlocks<T, Tile>))
    tensor_core_weights_kernel(Arguments<T> arguments) {
  auto* shared = dynamic_shared<unsigned char>();
  const BlockPlace place = block_place<Tile>(arguments.division);
  auto sums = tile_sums<T, Tile, Copies<T, Tile>>(arguments, place, shared);
  const int weights = kWindow * kWindow * arguments.image.channels;  // of a feature
  const std::int64_t first = std::int64_t{place.row} * weights + place.column;
  store_sums<Tile, float>(
      sums, shared, arguments.out, place.split, place.column, weights - place.column,
      [=](int row) { return row < place.rows_left ? first + std::int64_t{row} * weights : -1; });
}

}  // namespace

void tensor_core_weights(const Context& context, const TensorCoreConv& conv, TensorCoreTile tile,
                         const TensorCoreOperands& operands) {
  const ProductDivision division = divide(conv, TensorCoreProduct::weights, tile);
  with_storage(conv.dtype, [&]<class T>() {
    const WindowedTensor<T> image{operands.image.as<T>(), conv.height,      conv.width,
                                  conv.channels,
                                  /*stride=*/2,           /*first_row=*/-1, /*first_column=*/-1};
    const Arguments<T> arguments{image,
                                 PixelGrid(conv.images, conv.rows, conv.columns),
                                 operands.features.as<T>(),
                                 conv.features,
                                 division,
                                 sums_out<float>(operands, division)};
    with_tile<T>(tile, [&]<class Tile>() {
      launch(context, tensor_core_weights_kernel<T, Tile>,
             launch_shape<Tile>("tensor_core_weights_kernel", division), arguments);
    });
  });
  finish_splits(context, operands, division);
}

}  // namespace dcgan::cuda
