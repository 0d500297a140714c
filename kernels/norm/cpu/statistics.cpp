#include "kernels/norm/cpu/statistics.h"

#include <algorithm>
#include <array>

#include "kernels/common/cpu_loops.h"
#include "runtime/base/parallel.h"

namespace dcgan::cpu {
namespace {

/// Merges the statistics of `added` rows into those of `count` (Chan, Golub and LeVeque 1979).
/// mean of the added rows: mean + shift.
struct Merge {
  float share;   // of the added rows in the sum
  float weight;  // count * added / (count + added)

  Merge(std::int64_t count, std::int64_t added)
      : share(static_cast<float>(static_cast<double>(added) / static_cast<double>(count + added))),
        weight(static_cast<float>(static_cast<double>(count) * static_cast<double>(added) /
                                  static_cast<double>(count + added))) {}
  void operator()(float& mean, float& squares, float shift, float added_squares) const {
    mean += shift * share;
    squares += added_squares + shift * shift * weight;
  }
};

/// Statistics of x - base over `rows` rows of `tile` channels, at most kChannelTile; rows lie
/// `channels` apart. base: a row of x's group, so that means are small and keep their digits even
/// where |mean| >> sigma. Each block of rows is summed relative to the mean so far (the first
/// block: to its first row): what is squared is of the size of the deviation even if base is an
/// outlier.
template <class T>
void tile_statistics(const T* x, const T* base, std::int64_t rows, std::int64_t channels,
                     std::int64_t tile, float* __restrict mean, float* __restrict squares) {
  std::array<float, kChannelTile> origin;
  std::array<float, kChannelTile> sum;
  std::array<float, kChannelTile> sum_of_squares;
  for (std::int64_t c = 0; c < tile; ++c) {
    origin[c] = static_cast<float>(base[c]);
    mean[c] = static_cast<float>(x[c]) - origin[c];
    squares[c] = 0.0f;
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
    const Merge merge(first, count);
    const float inverse_count = 1.0f / static_cast<float>(count);
    for (std::int64_t c = 0; c < tile; ++c) {
      const float shift = sum[c] * inverse_count;
      // Clamped at zero by a test that lets NaN through.
      const float spread = sum_of_squares[c] - shift * sum[c];
      merge(mean[c], squares[c], shift, spread < 0.0f ? 0.0f : spread);
    }
  }
}

/// Merges the chunks of one group, in order. partials: (chunks, 2, C). mean: relative to the base.
void merge_chunks(const RowChunks& cut, const float* partials, float* __restrict mean,
                  float* __restrict squares) {
  const std::int64_t channels = cut.channels;
  std::copy_n(partials, channels, mean);
  std::copy_n(partials + channels, channels, squares);
  for (std::int64_t chunk = 1; chunk < cut.chunks; ++chunk) {
    const float* chunk_mean = partials + 2 * chunk * channels;
    const float* chunk_squares = chunk_mean + channels;
    const Merge merge(chunk * cut.rows_per_chunk, cut.row_count(chunk));
    for (std::int64_t c = 0; c < channels; ++c) {
      merge(mean[c], squares[c], chunk_mean[c] - mean[c], chunk_squares[c]);
    }
  }
}

}  // namespace

void channel_statistics(ConstTensorView x, const RowChunks& cut, float* scratch, float* mean,
                        float* squares) {
  const std::int64_t channels = cut.channels;
  with_float_type(x.dtype, [&]<class T>() {
    const T* values = x.as<T>();
    parallel_for(cut.tasks(), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t task = begin; task < end; ++task) {
        float* task_mean = scratch + 2 * task * channels;
        for (std::int64_t c = 0; c < channels; c += kChannelTile) {
          tile_statistics(values + cut.first_row(task) * channels + c,
                          values + cut.base_row(task) * channels + c, cut.row_count(task), channels,
                          std::min(kChannelTile, channels - c), task_mean + c,
                          task_mean + channels + c);
        }
      }
    });
  });
  for (std::int64_t group = 0; group < cut.groups; ++group) {
    float* group_mean = mean + group * channels;
    merge_chunks(cut, scratch + 2 * group * cut.chunks * channels, group_mean,
                 squares + group * channels);
    with_float_type(x.dtype, [&]<class T>() {
      const T* base = x.as<T>() + group * cut.rows * channels;
      for (std::int64_t c = 0; c < channels; ++c) group_mean[c] += static_cast<float>(base[c]);
    });
  }
}

}  // namespace dcgan::cpu
