#include "kernels/batch_norm_statistics_cpu.h"

#include <algorithm>
#include <array>

#include "kernels/cpu_loops.h"
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

/// Statistics of `rows` rows of `tile` channels, at most kChannelTile; rows lie `channels` apart.
/// Each block of rows is summed relative to the mean so far (the first block: to its first row), so
/// that what is squared is of the size of the deviation, not of the mean.
template <class T>
void tile_statistics(const T* x, std::int64_t rows, std::int64_t channels, std::int64_t tile,
                     float* __restrict mean, float* __restrict squares) {
  std::array<float, kChannelTile> sum;
  std::array<float, kChannelTile> sum_of_squares;
  for (std::int64_t c = 0; c < tile; ++c) {
    mean[c] = static_cast<float>(x[c]);
    squares[c] = 0.0f;
  }
  for (std::int64_t first = 0; first < rows; first += kRowBlock) {
    const std::int64_t count = std::min(kRowBlock, rows - first);
    std::fill_n(sum.begin(), tile, 0.0f);
    std::fill_n(sum_of_squares.begin(), tile, 0.0f);
    for (std::int64_t row = first; row < first + count; ++row) {
      const T* values = x + row * channels;
      for (std::int64_t c = 0; c < tile; ++c) {
        const float deviation = static_cast<float>(values[c]) - mean[c];
        sum[c] += deviation;
        sum_of_squares[c] += deviation * deviation;
      }
    }
    const Merge merge(first, count);
    const float inverse_count = 1.0f / static_cast<float>(count);
    for (std::int64_t c = 0; c < tile; ++c) {
      const float shift = sum[c] * inverse_count;
      merge(mean[c], squares[c], shift, std::max(0.0f, sum_of_squares[c] - shift * sum[c]));
    }
  }
}

/// Merges the chunks of one group, in order. partials: (chunks, 2, C).
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

void channel_statistics(ConstTensorView x, const RowChunks& cut, float* mean, float* squares) {
  std::array<float, RowChunks::kMaxPartials> storage;
  float* partials = storage.data();
  const bool merged = cut.chunks > 1;
  const std::int64_t channels = cut.channels;
  with_float_type(x.dtype, [&]<class T>() {
    const T* values = x.as<T>();
    parallel_for(cut.tasks(), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t task = begin; task < end; ++task) {
        float* task_mean = merged ? partials + 2 * task * channels : mean + task * channels;
        float* task_squares = merged ? task_mean + channels : squares + task * channels;
        for (std::int64_t c = 0; c < channels; c += kChannelTile) {
          tile_statistics(values + cut.first_row(task) * channels + c, cut.row_count(task),
                          channels, std::min(kChannelTile, channels - c), task_mean + c,
                          task_squares + c);
        }
      }
    });
  });
  if (!merged) return;
  for (std::int64_t group = 0; group < cut.groups; ++group) {
    merge_chunks(cut, partials + 2 * group * cut.chunks * channels, mean + group * channels,
                 squares + group * channels);
  }
}

}  // namespace dcgan::cpu
