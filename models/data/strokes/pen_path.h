// From a digit's strokes to the path of one hand's pen: jittered, distorted, smooth.
#pragma once

#include <array>
#include <span>

#include "models/data/strokes/digit_shapes.h"
#include "models/data/strokes/stroke_render.h"
#include "runtime/base/philox.h"

namespace dcgan {

/// A path of at most kCapacity segments, without heap memory, so that drawing cannot fail.
class PenPath {
 public:
  static constexpr int kCapacity = 512;
  static constexpr int kMaxKnots = 24;  ///< points of a stroke that are used
  static constexpr int kMaxSteps = 16;  ///< segments between two of them

  void clear() { count_ = 0; }
  /// Ignored when full, which no style of digit_shapes.h can bring about (see its test).
  void add(const PenSegment& segment) {
    if (count_ < kCapacity) segments_[static_cast<std::size_t>(count_++)] = segment;
  }
  std::span<PenSegment> segments() { return {segments_.data(), static_cast<std::size_t>(count_)}; }

 private:
  std::array<PenSegment, kCapacity> segments_;
  int count_ = 0;
};

/// Writes one handwritten `style` into `path`, in pixels of a (size, size) image. What varies, each
/// by `random`: the points of the stroke, a smooth elastic field, proportion, slant, rotation,
/// size, position, the pen's width and its pressure along the stroke.
void digit_path(const DigitStyle& style, int size, RandomSequence& random, PenPath& path);

}  // namespace dcgan
