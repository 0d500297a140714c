#include "models/data/formats/resize.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "runtime/base/errors.h"

namespace dcgan {
namespace {

// Pillow's fixed point: 32 bits less 8 of the sample and 2 of headroom.
constexpr int kPrecisionBits = 22;

/// Resampling of one axis: from `input` samples to `output`, of which [first, first + count) are
/// wanted.
struct Axis {
  int input = 0;
  std::int64_t output = 0;  // 64 bits: a line of 1 x 10^8 pixels brought to 1024 has 10^11
  std::int64_t first = 0;
  int count = 0;
};

/// For each wanted output sample, the inputs it reads and their weights in fixed point.
struct Filter {
  struct Window {
    int begin = 0;
    int count = 0;
  };
  std::vector<Window> windows;
  std::vector<std::int32_t> weights;  // (wanted outputs, stride)
  std::size_t stride = 0;
};

std::int32_t to_fixed(double weight) {
  // Weights of the triangle are never negative: rounding half up is what Pillow does.
  return static_cast<std::int32_t>(0.5 + weight * (1 << kPrecisionBits));
}

Filter make_filter(const Axis& axis) {
  const double scale = axis.input / static_cast<double>(axis.output);
  const double stretch = std::max(scale, 1.0);  // the triangle is widened by reductions only
  const double support = stretch;               // the triangle's own support is 1
  Filter filter;
  filter.stride = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  filter.windows.resize(static_cast<std::size_t>(axis.count));
  filter.weights.resize(filter.windows.size() * filter.stride);
  std::vector<double> window(filter.stride);
  // Pillow multiplies by the reciprocal; a division would differ in the last bit.
  const double shrink = 1.0 / stretch;
  for (std::size_t i = 0; i < filter.windows.size(); ++i) {
    const double centre = (static_cast<double>(axis.first + static_cast<int>(i)) + 0.5) * scale;
    const int begin = std::max(static_cast<int>(centre - support + 0.5), 0);
    const int end = std::min(static_cast<int>(centre + support + 0.5), axis.input);
    double sum = 0;
    for (int j = begin; j < end; ++j) {
      const double distance = std::abs((j - centre + 0.5) * shrink);
      const double weight = distance < 1.0 ? 1.0 - distance : 0.0;
      window[static_cast<std::size_t>(j - begin)] = weight;
      sum += weight;
    }
    for (int j = begin; j < end; ++j) {
      const auto k = static_cast<std::size_t>(j - begin);
      filter.weights[i * filter.stride + k] = to_fixed(sum != 0.0 ? window[k] / sum : window[k]);
    }
    filter.windows[i] = {begin, end - begin};
  }
  return filter;
}

std::uint8_t to_sample(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255));
}

constexpr std::int32_t kHalf = 1 << (kPrecisionBits - 1);

/// rows * (width, C) -> rows * (windows, C).
void resample_rows(const std::uint8_t* source, std::ptrdiff_t source_row, int rows, int channels,
                   const Filter& filter, std::uint8_t* target) {
  for (int row = 0; row < rows; ++row) {
    const std::uint8_t* line = source + row * source_row;
    for (std::size_t i = 0; i < filter.windows.size(); ++i) {
      const auto [begin, count] = filter.windows[i];
      const std::int32_t* weight = filter.weights.data() + i * filter.stride;
      const std::uint8_t* sample = line + std::ptrdiff_t{begin} * channels;
      for (int channel = 0; channel < channels; ++channel) {
        std::int32_t sum = kHalf;
        for (int j = 0; j < count; ++j) sum += weight[j] * sample[j * channels + channel];
        *target++ = to_sample(sum);
      }
    }
  }
}

/// (rows, row_bytes) -> (windows, row_bytes), each byte column by itself. `source` begins at the
/// image's row `first`.
void resample_columns(const std::uint8_t* source, int first, std::ptrdiff_t row_bytes,
                      const Filter& filter, std::uint8_t* target) {
  std::vector<std::int32_t> sums(static_cast<std::size_t>(row_bytes));
  for (std::size_t i = 0; i < filter.windows.size(); ++i) {
    const auto [begin, count] = filter.windows[i];
    std::fill(sums.begin(), sums.end(), kHalf);
    for (int j = 0; j < count; ++j) {
      const std::int32_t weight = filter.weights[i * filter.stride + static_cast<std::size_t>(j)];
      const std::uint8_t* line = source + (begin - first + j) * row_bytes;
      for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += weight * line[k];
    }
    target = std::transform(sums.begin(), sums.end(), target, to_sample);
  }
}

void resample(const Image& image, const Axis& across, const Axis& down, std::uint8_t* target) {
  DCGAN_CHECK(image.width >= 1 && image.height >= 1 && across.output >= 1 && down.output >= 1,
              "resize: {}x{} to {}x{}", image.width, image.height, across.output, down.output);
  const Filter columns = make_filter(across);
  const Filter rows = make_filter(down);
  // Only the rows that will be read: a crop out of a tall image needs few of them.
  const int first = rows.windows.front().begin;
  const int last = rows.windows.back().begin + rows.windows.back().count;
  const std::ptrdiff_t source_row = std::ptrdiff_t{image.width} * image.channels;
  const std::ptrdiff_t row_bytes = std::ptrdiff_t{across.count} * image.channels;
  std::vector<std::uint8_t> between(static_cast<std::size_t>((last - first) * row_bytes));
  resample_rows(image.pixels.data() + first * source_row, source_row, last - first, image.channels,
                columns, between.data());
  resample_columns(between.data(), first, row_bytes, rows, target);
}

/// Where CenterCrop begins: Python's round(), which takes halves to the even neighbour.
std::int64_t crop_begin(std::int64_t whole, int part) {
  const std::int64_t twice = whole - part;
  const std::int64_t below = twice / 2;
  return below + (twice % 2 != 0 && below % 2 != 0 ? 1 : 0);
}

}  // namespace

Image resize_bilinear(const Image& image, int width, int height) {
  DCGAN_CHECK(width >= 1 && height >= 1, "resize: to {}x{}", width, height);
  Image result{width, height, image.channels, {}};
  result.pixels.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
                       static_cast<std::size_t>(image.channels));
  resample(image, {image.width, width, 0, width}, {image.height, height, 0, height},
           result.pixels.data());
  return result;
}

void resize_and_crop(const Image& image, int size, std::uint8_t* pixels) {
  DCGAN_CHECK(image.width >= 1 && image.height >= 1 && size >= 1, "resize: {}x{} to {}",
              image.width, image.height, size);
  if (image.width == size && image.height == size) {
    std::copy(image.pixels.begin(), image.pixels.end(), pixels);
    return;
  }
  const std::int64_t shorter = std::min(image.width, image.height);
  const auto scaled = [&](int extent) { return std::int64_t{size} * extent / shorter; };
  const std::int64_t width = scaled(image.width);
  const std::int64_t height = scaled(image.height);
  resample(image, {image.width, width, crop_begin(width, size), size},
           {image.height, height, crop_begin(height, size), size}, pixels);
}

}  // namespace dcgan
