// For scripts/check_sass.py: the emulator's tile product and the other instructions of
// kernels/common/cuda/tensor_core.h, as nvcc compiles them. Never run.
#include "tests/emulator/grid/tile_product.h"

namespace dcgan::emulator {

template __global__ void tile_product_kernel<4, Mistake::none>(TileProduct);

__global__ void tile_product_tf32_kernel(const float* x, float* y) {
  DCGAN_SHARED(float, tile, [128]);
  const unsigned lane = threadIdx.x;
  cuda::copy_async_16(&tile[4 * lane], x + 4 * lane, true);
  cuda::commit_copies();
  cuda::wait_copies<0>();
  __syncthreads();
  cuda::FragmentA a;
  cuda::FragmentB b;
  cuda::load_matrix_x4(a.word, &tile[4 * lane]);
  cuda::load_matrix_x2(b.word, &tile[4 * lane]);
  for (std::uint32_t& word : a.word) word = cuda::to_tf32(__uint_as_float(word));
  for (std::uint32_t& word : b.word) word = cuda::to_tf32(__uint_as_float(word));
  cuda::Accumulator sum{};
  cuda::mma_tf32(sum, a, b);
  for (unsigned i = 0; i < 4; ++i) y[4 * lane + i] = sum.v[i];
}

}  // namespace dcgan::emulator
