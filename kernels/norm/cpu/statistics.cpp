// Mean and M2 of each channel in one pass over memory, without cancellation.
#include <algorithm>
#include <array>

#include "kernels/common/cpu_loops.h"
#include "kernels/norm/batch_norm_variants.h"
#include "kernels/norm/cpu/merge.h"
#include "kernels/norm/cpu/row_parts.h"
#include "runtime/base/parallel.h"

namespace dcgan::cpu {
namespace {

/// Statistics of x - origin over `rows` rows of `tile` channels, at most kChannelTile; rows lie
/// `channels` apart. origin: a row of x's group, so that means are small and keep their digits even
/// where |mean| >> sigma. Each block of rows is summed relative to the mean so far (the first
/// block: to its first row): what is squared is of the size of the deviation even if the origin is
/// an outlier.
template <class T>
void tile_statistics(const T* x, const float* __restrict origin, std::int64_t rows,
                     std::int64_t channels, std::int64_t tile, float* __restrict mean,
                     float* __restrict m2) {
  std::array<float, kChannelTile> sum;
  std::array<float, kChannelTile> sum_of_squares;
  for (std::int64_t c = 0; c < tile; ++c) {
    mean[c] = static_cast<float>(x[c]) - origin[c];
    m2[c] = 0.0f;
  }
  for (std::int64_t first = 0; first < rows; first += kRowBlock) {
    const std::int64_t count = std::min(kRowBlock, rows - first);
    std::fill_n(sum.begin(), tile, 0.0f);
    std::fill_n(sum_of_squares.begin(), tile, 0.0f);
    for (std::int64_t row = first; row < first + count; ++row) {
      const T* values = x + row * channels;
      for (std::int64_t c = 0; c < tile; ++c) {
        const float deviation = (static_cast<float>(values[c]) - origin[c]) - mean[c];
        sum[c] += deviation;
        sum_of_squares[c] += deviation * deviation;
      }
    }
    const Merge merge(static_cast<double>(first), static_cast<double>(count));
    const float inverse_count = 1.0f / static_cast<float>(count);
    for (std::int64_t c = 0; c < tile; ++c) {
      const float shift = sum[c] * inverse_count;
      // Clamped at zero by a test that lets NaN through.
      const float spread = sum_of_squares[c] - shift * sum[c];
      merge(mean[c], m2[c], shift, spread < 0.0f ? 0.0f : spread);
    }
  }
}

/// The first row of each group, as f32.
template <class T>
void copy_origins(const T* x, const RowParts& division, float* origins) {
  for (std::int64_t group = 0; group < division.groups; ++group) {
    const T* row = x + group * division.rows * division.channels;
    float* origin = origins + group * division.channels;
    for (std::int64_t c = 0; c < division.channels; ++c) origin[c] = static_cast<float>(row[c]);
  }
}

}  // namespace

std::int64_t batch_norm_parts(const Shape& shape, int groups) {
  return RowParts(shape, groups).parts;
}

void batch_norm_statistics(const Context& /*context*/, ConstTensorView x,
                           const BatchNormStatistics& statistics, const BatchNormOptions& options) {
  const RowParts division(x.shape, options.groups);
  const std::int64_t channels = division.channels;
  auto* origins = statistics.origin.as<float>();
  auto* means = statistics.mean.as<float>();
  auto* m2s = statistics.m2.as<float>();
  auto* counts = statistics.count.as<float>();
  with_float_type(x.dtype, [&]<class T>() {
    const T* values = x.as<T>();
    copy_origins(values, division, origins);
    parallel_for(division.tasks(), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t task = begin; task < end; ++task) {
        const float* origin = origins + task / division.parts * channels;
        counts[task] = static_cast<float>(division.row_count(task));
        for (std::int64_t c = 0; c < channels; c += kChannelTile) {
          tile_statistics(values + division.first_row(task) * channels + c, origin + c,
                          division.row_count(task), channels, std::min(kChannelTile, channels - c),
                          means + task * channels + c, m2s + task * channels + c);
        }
      }
    });
  });
}

}  // namespace dcgan::cpu
