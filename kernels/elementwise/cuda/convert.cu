#include "kernels/common/cuda/reduce.h"
#include "kernels/common/cuda/vector.h"
#include "kernels/elementwise/convert_variants.h"

namespace dcgan::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kMostBlocks = kOneWave;
constexpr int kTile = 32;     // side of a transposed tile
constexpr int kTileRows = 8;  // rows of a tile that a block moves at a time

template <class From, class To, int width>
__global__ void __launch_bounds__(kThreads)
    convert_type_kernel(const From* x, To* y, std::int64_t count) {
  start_after_previous();
  const std::int64_t stride = std::int64_t{gridDim.x} * kThreads * width;
  for (std::int64_t at = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) * width; at < count;
       at += stride) {
    store<width>(y + at, load<width>(x + at));
  }
}

template <class From, class To>
void convert(const Context& context, const From* x, To* y, std::int64_t count) {
  const std::int64_t wide = aligned16(x, y) ? count / 4 * 4 : 0;
  if (wide > 0) {
    launch(context, convert_type_kernel<From, To, 4>,
           {"convert_type_kernel", blocks_for(wide / 4, kThreads, kMostBlocks), dim3(kThreads)}, x,
           y, wide);
  }
  if (wide < count) {
    launch(context, convert_type_kernel<From, To, 1>,
           {"convert_type_kernel", blocks_for(count - wide, kThreads, kMostBlocks), dim3(kThreads)},
           x + wide, y + wide, count - wide);
  }
}

/// y[a][column][row] = x[a][row][column]: a block moves one 32 x 32 tile of one matrix. The extra
/// column keeps a tile's column out of one bank of shared memory.
template <class T>
__global__ void __launch_bounds__(kTile* kTileRows)
    transpose_kernel(const T* x, T* y, int rows, int columns, std::int64_t tiles_of_matrix) {
  start_after_previous();
  DCGAN_SHARED(T, tile, [kTile][kTile + 1]);
  const int tiles_across = (columns + kTile - 1) / kTile;
  const std::int64_t matrix = blockIdx.x / tiles_of_matrix;
  const int place = static_cast<int>(blockIdx.x % tiles_of_matrix);
  const int first_row = place / tiles_across * kTile;
  const int first_column = place % tiles_across * kTile;
  const T* from = x + matrix * rows * columns;
  T* to = y + matrix * rows * columns;
  const int lane = static_cast<int>(threadIdx.x);
  for (int line = static_cast<int>(threadIdx.y); line < kTile; line += kTileRows) {
    const int row = first_row + line;
    const int column = first_column + lane;
    if (row < rows && column < columns) {
      tile[line][lane] = from[std::int64_t{row} * columns + column];
    }
  }
  __syncthreads();
  for (int line = static_cast<int>(threadIdx.y); line < kTile; line += kTileRows) {
    const int row = first_row + lane;
    const int column = first_column + line;
    if (row < rows && column < columns) {
      to[std::int64_t{column} * rows + row] = tile[lane][line];
    }
  }
}

/// Transposes each of `matrices` matrices of rows x columns.
void transpose(const Context& context, ConstTensorView x, TensorView y, std::int64_t matrices,
               std::int64_t rows, std::int64_t columns) {
  if (x.elements() == 0) return;
  const std::int64_t tiles = (rows + kTile - 1) / kTile * ((columns + kTile - 1) / kTile);
  launch(
      context, transpose_kernel<float>,
      {"transpose_kernel", dim3(static_cast<unsigned>(matrices * tiles)), dim3(kTile, kTileRows)},
      x.as<float>(), y.as<float>(), static_cast<int>(rows), static_cast<int>(columns), tiles);
}

}  // namespace

void convert_type(const Context& context, ConstTensorView x, TensorView y) {
  if (x.dtype == DType::f32) return convert(context, x.as<float>(), y.as<bf16>(), x.elements());
  convert(context, x.as<bf16>(), y.as<float>(), x.elements());
}

void to_channels_last(const Context& context, ConstTensorView x, TensorView y) {
  transpose(context, x, y, x.shape[0], x.shape[1], x.shape[2] * x.shape[3]);
}

void to_channels_first(const Context& context, ConstTensorView x, TensorView y) {
  transpose(context, x, y, x.shape[0], x.shape[1] * x.shape[2], x.shape[3]);
}

}  // namespace dcgan::cuda
