#include "kernels/block/cuda/tensor_core_statistics.h"

#include "kernels/block/cuda/tile_moments.h"
#include "kernels/conv/cuda/tensor_core_down.h"
#include "kernels/conv/cuda/tensor_core_up.h"

namespace dcgan::cuda {
namespace {

template <class Product, class Copies, class Tile>
__device__ __forceinline__ void convolve(const Product& product, bf16* to, const MomentsOut& out) {
  auto* shared = dynamic_shared<unsigned char>();
  const BlockPlace place = block_place<Tile>(product.division);
  auto sums = tile_sums<bf16, Tile, Copies>(product, place, shared);
  const int tile = place.tile * product.division.phases + place.phase;
  store_tile_moments<Tile>(sums, shared, place, tile, out);
  store_staged<Tile>(sums, shared, to, product.columns() - place.column,
                     [&](int row) { return product.row_offset(place, row); });
  merge_moments<Tile>(place, tile, product.division, out);
}

template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks)
    tensor_core_down_statistics_kernel(DownProduct<bf16> product, bf16* to, MomentsOut out) {
  convolve<DownProduct<bf16>, DownCopies<bf16, Tile>, Tile>(product, to, out);
}

template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks)
    tensor_core_up_statistics_kernel(UpProduct<bf16> product, bf16* to, MomentsOut out) {
  convolve<UpProduct<bf16>, UpCopies<bf16, Tile>, Tile>(product, to, out);
}

MomentsOut moments_out(const TensorCoreStatistics& from, const StatisticsDivision& division) {
  const auto channels = static_cast<int>(from.cohorts.mean.shape[2]);
  MomentsOut out{};
  out.tile_mean = from.scratch;
  out.tile_m2 = from.scratch + division.scratch_elements(channels) / 2;
  out.count = from.cohorts.count.as<float>();
  out.origin = from.cohorts.origin.as<float>();
  out.mean = from.cohorts.mean.as<float>();
  out.m2 = from.cohorts.m2.as<float>();
  out.tiles = division.tiles;
  out.cohort_tiles = division.cohort_tiles;
  out.cohorts = division.cohorts;
  out.channels = channels;
  out.tickets = from.tickets.as<std::int32_t>();
  if (!from.saved.mean.empty()) out.finish = finish_out(from.running, from.saved, from.options);
  return out;
}

}  // namespace

void tensor_core_with_statistics(const Context& context, const TensorCoreConv& conv,
                                 TensorCoreProduct product, TensorCoreTile tile,
                                 const TensorCoreOperands& operands,
                                 const TensorCoreStatistics& statistics) {
  const int groups = static_cast<int>(statistics.cohorts.mean.shape[0]);
  const ProductDivision division = divide(conv, product, tile, {groups, /*split_depth=*/false});
  const MomentsOut out = moments_out(statistics, divide_statistics(division, tile));
  with_tile<bf16>(tile, [&]<class Tile>() {
    if (product == TensorCoreProduct::down) {
      launch(context, tensor_core_down_statistics_kernel<Tile>,
             launch_shape<Tile>("tensor_core_down_statistics_kernel", division),
             DownProduct<bf16>(conv, operands, division), operands.to.as<bf16>(), out);
    } else {
      launch(context, tensor_core_up_statistics_kernel<Tile>,
             launch_shape<Tile>("tensor_core_up_statistics_kernel", division),
             UpProduct<bf16>(conv, operands, division), operands.to.as<bf16>(), out);
    }
  });
}

}  // namespace dcgan::cuda
