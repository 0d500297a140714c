#include <algorithm>

#include "kernels/common/cpu_loops.h"
#include "kernels/elementwise/convert_variants.h"
#include "runtime/base/parallel.h"

namespace dcgan::cpu {
namespace {

template <class From, class To>
void convert_all(const From* x, To* y, std::int64_t count) {
  parallel_for(count, kElementGrain, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) y[i] = static_cast<To>(static_cast<float>(x[i]));
  });
}

/// y[a][j][i] = x[a][i][j] for x of shape (batch, rows, columns), in square tiles, so that both
/// sides use whole cache lines.
void transpose(const float* x, float* y, std::int64_t batch, std::int64_t rows,
               std::int64_t columns) {
  constexpr std::int64_t kTile = 32;
  parallel_for(batch, 1, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t a = begin; a < end; ++a) {
      const float* from = x + a * rows * columns;
      float* to = y + a * rows * columns;
      for (std::int64_t i0 = 0; i0 < rows; i0 += kTile) {
        for (std::int64_t j0 = 0; j0 < columns; j0 += kTile) {
          const std::int64_t i1 = std::min(rows, i0 + kTile);
          const std::int64_t j1 = std::min(columns, j0 + kTile);
          for (std::int64_t j = j0; j < j1; ++j) {
            for (std::int64_t i = i0; i < i1; ++i) to[j * rows + i] = from[i * columns + j];
          }
        }
      }
    }
  });
}

}  // namespace

void convert_type(const Context& /*context*/, ConstTensorView x, TensorView y) {
  if (x.dtype == DType::f32) return convert_all(x.as<float>(), y.as<bf16>(), x.elements());
  convert_all(x.as<bf16>(), y.as<float>(), x.elements());
}

void to_channels_last(const Context& /*context*/, ConstTensorView x, TensorView y) {
  const Shape& s = x.shape;
  transpose(x.as<float>(), y.as<float>(), s[0], s[1], s[2] * s[3]);
}

void to_channels_first(const Context& /*context*/, ConstTensorView x, TensorView y) {
  const Shape& s = x.shape;
  transpose(x.as<float>(), y.as<float>(), s[0], s[1] * s[2], s[3]);
}

}  // namespace dcgan::cpu
