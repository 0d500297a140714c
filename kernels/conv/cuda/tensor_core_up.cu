// The image from features: tensor_core_up.h, with the activation and the way to memory.
#include "kernels/conv/cuda/tensor_core_up.h"

namespace dcgan::cuda {
namespace {

template <class T, class Tile>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks)
    tensor_core_up_kernel(UpProduct<T> product, SumsOut<T> out) {
  auto* shared = dynamic_shared<unsigned char>();
  const BlockPlace place = block_place<Tile>(product.division);
  auto sums = tile_sums<T, Tile, UpCopies<T, Tile>>(product, place, shared);
  store_sums<Tile, T>(sums, shared, out, place.split, place.column,
                      product.columns() - place.column,
                      [&](int row) { return product.row_offset(place, row); });
}

}  // namespace

void tensor_core_up(const Context& context, const TensorCoreConv& conv, TensorCoreTile tile,
                    const TensorCoreOperands& operands) {
  const ProductDivision division = divide(conv, TensorCoreProduct::up, tile);
  with_storage(conv.dtype, [&]<class T>() {
    with_tile<T>(tile, [&]<class Tile>() {
      launch(context, tensor_core_up_kernel<T, Tile>,
             launch_shape<Tile>("tensor_core_up_kernel", division),
             UpProduct<T>(conv, operands, division), sums_out<T>(operands, division));
    });
  });
  finish_splits(context, operands, division);
}

}  // namespace dcgan::cuda
