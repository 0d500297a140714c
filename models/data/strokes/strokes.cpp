#include "models/data/formats/pixels.h"
#include "models/data/formats/sources.h"
#include "models/data/strokes/pen_path.h"
#include "models/data/strokes/stroke_render.h"
#include "runtime/base/parallel.h"
#include "runtime/base/philox.h"

namespace dcgan {
namespace {

// MNIST's strokes fall from white to black over a little more than a pixel.
constexpr float kSoftness = 1.25f;

const DigitStyle& choose_style(int digit, RandomSequence& random) {
  const std::span<const DigitStyle> styles = digit_styles(digit);
  float total = 0;
  for (const DigitStyle& style : styles) total += style.weight;
  float left = total * random.next_uniform();
  for (const DigitStyle& style : styles) {
    left -= style.weight;
    if (left < 0) return style;
  }
  return styles.back();
}

/// Writes image `index`, (size, size, channels).
void draw_digit(const DatasetOptions& options, std::int64_t index, std::uint8_t* image) {
  RandomSequence random({options.seed, RandomStream::strokes}, 0,
                        static_cast<std::uint32_t>(index));
  const DigitStyle& style = choose_style(static_cast<int>(index % 10), random);
  PenPath path;
  digit_path(style, options.image_size, random, path);
  render_segments(path.segments(), options.image_size, kSoftness, image);
  repeat_grey(image, std::int64_t{options.image_size} * options.image_size, options.channels);
}

}  // namespace

Dataset draw_strokes(const DatasetOptions& options) {
  std::vector<std::uint8_t> pixels = allocate_pixels(options, options.count);
  std::vector<std::int32_t> labels(static_cast<std::size_t>(options.count));
  const std::int64_t image_bytes = bytes_per_image(options);
  digit_styles(0);  // made here: nothing may throw inside the loop
  parallel_for(options.count, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      draw_digit(options, i, pixels.data() + i * image_bytes);
      labels[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(i % 10);
    }
  });
  Dataset result =
      make_dataset(options, fmt::format("strokes (seed {})", options.seed), std::move(pixels));
  result.labels = std::move(labels);
  return result;
}

}  // namespace dcgan
