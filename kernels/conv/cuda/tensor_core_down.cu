// Features from the image: tensor_core_down.h, with the activation and the way to memory.
#include "kernels/conv/cuda/tensor_core_down.h"

namespace dcgan::cuda {
namespace {

template <class T, class Tile>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks)
    tensor_core_down_kernel(DownProduct<T> product, SumsOut<T> out) {
  auto* shared = dynamic_shared<unsigned char>();
  const BlockPlace place = block_place<Tile>(product.division);
  auto sums = tile_sums<T, Tile, DownCopies<T, Tile>>(product, place, shared);
  store_sums<Tile, T>(sums, shared, out, place.split, place.column,
                      product.columns() - place.column,
                      [&](int row) { return product.row_offset(place, row); });
}

}  // namespace

void tensor_core_down(const Context& context, const TensorCoreConv& conv, TensorCoreTile tile,
                      const TensorCoreOperands& operands) {
  const ProductDivision division = divide(conv, TensorCoreProduct::down, tile);
  with_storage(conv.dtype, [&]<class T>() {
    with_tile<T>(tile, [&]<class Tile>() {
      launch(context, tensor_core_down_kernel<T, Tile>,
             launch_shape<Tile>("tensor_core_down_kernel", division),
             DownProduct<T>(conv, operands, division), sums_out<T>(operands, division));
    });
  });
  finish_splits(context, operands, division);
}

}  // namespace dcgan::cuda
