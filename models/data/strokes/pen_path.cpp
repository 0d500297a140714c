#include "models/data/strokes/pen_path.h"

#include <algorithm>
#include <cmath>

namespace dcgan {
namespace {

constexpr int kMaxKnots = PenPath::kMaxKnots;

/// A smooth displacement: a few plane waves of low frequency.
class ElasticField {
 public:
  ElasticField(RandomSequence& random, float strength) {
    for (Wave& wave : waves_) {
      const SinCos direction = portable_sincos_turns(random.next_uniform());
      const float cycles = random.next_uniform(0.35f, 1.1f);
      wave = {cycles * direction.cosine, cycles * direction.sine, random.next_uniform(),
              strength * random.next_normal(), strength * random.next_normal()};
    }
  }
  PenPoint operator()(PenPoint p) const {
    PenPoint moved = p;
    for (const Wave& wave : waves_) {
      const float turns = wave.fx * p.x + wave.fy * p.y + wave.phase;
      const float height = portable_sincos_turns(turns - std::floor(turns)).sine;
      moved.x += wave.ax * height;
      moved.y += wave.ay * height;
    }
    return moved;
  }

 private:
  struct Wave {
    float fx, fy, phase, ax, ay;
  };
  std::array<Wave, 3> waves_;
};

/// Rotation * slant * proportion: of the digit as a whole.
struct Affine {
  float xx, xy, yx, yy;

  explicit Affine(RandomSequence& random) {
    const float width = std::clamp(1.0f + 0.2f * random.next_normal(), 0.6f, 1.6f);
    const float slant = std::clamp(0.16f + 0.20f * random.next_normal(), -0.35f, 0.7f);
    const float turns = std::clamp(0.016f * random.next_normal(), -0.04f, 0.04f);
    const SinCos angle = portable_sincos_turns(turns - std::floor(turns));
    // y points down: a slant to the right moves what is above (smaller y) to the right.
    xx = angle.cosine * width;
    xy = -angle.cosine * slant - angle.sine;
    yx = angle.sine * width;
    yy = -angle.sine * slant + angle.cosine;
  }
  PenPoint operator()(PenPoint p) const { return {xx * p.x + xy * p.y, yx * p.x + yy * p.y}; }
};

/// The pen's half width along a stroke, s in [0, 1]; in parts of the image's height.
struct Pressure {
  float radius, swing, phase, taper;

  explicit Pressure(RandomSequence& random)
      : radius(0.043f * std::exp(std::clamp(0.27f * random.next_normal(), -0.55f, 0.55f))),
        swing(random.next_uniform(0.03f, 0.22f)),
        phase(random.next_uniform()),
        taper(std::max(0.0f, random.next_uniform(-0.3f, 0.45f))) {}
  float operator()(float s) const {
    const float turns = 0.8f * s + phase;
    const float wave = portable_sincos_turns(turns - std::floor(turns)).sine;
    const float tail = std::max(0.0f, (s - 0.7f) / 0.3f);
    return radius * (1.0f + swing * wave) * (1.0f - taper * tail * tail);
  }
};

/// A stroke's points as this hand placed them, with the corners marked.
struct Knots {
  std::array<PenPoint, kMaxKnots> point;
  std::array<bool, kMaxKnots> corner{};
  int count = 0;
};

Knots place_knots(const PenStroke& stroke, float jitter, RandomSequence& random) {
  Knots knots;
  for (std::size_t i = 0; i < stroke.size() && knots.count < kMaxKnots; ++i) {
    const PenPoint p = stroke[i];
    if (i > 0 && p.x == stroke[i - 1].x && p.y == stroke[i - 1].y) {
      knots.corner[static_cast<std::size_t>(knots.count - 1)] = true;
      continue;
    }
    const float x = p.x + jitter * random.next_normal();
    knots.point[static_cast<std::size_t>(knots.count++)] = {x, p.y + jitter * random.next_normal()};
  }
  return knots;
}

/// The neighbour that gives the tangent at an end of a piece; reflected where the curve stops.
PenPoint neighbour(const Knots& knots, int from, int towards) {
  const int next = from + towards;
  const PenPoint here = knots.point[static_cast<std::size_t>(from)];
  if (next < 0 || next >= knots.count || knots.corner[static_cast<std::size_t>(from)]) {
    const PenPoint back = knots.point[static_cast<std::size_t>(from - towards)];
    // Half of the piece itself: a gentle start, no overshoot at corners.
    return {here.x + 0.5f * (here.x - back.x), here.y + 0.5f * (here.y - back.y)};
  }
  return knots.point[static_cast<std::size_t>(next)];
}

/// Catmull and Rom 1974: the cubic from b to c whose tangents are (c - a) / 2 and (d - b) / 2.
float catmull_rom(float a, float b, float c, float d, float t) {
  const float linear = c - a;
  const float square = 2.0f * a - 5.0f * b + 4.0f * c - d;
  const float cube = 3.0f * (b - c) + d - a;
  return b + 0.5f * t * (linear + t * (square + t * cube));
}

struct Box {
  float left = 1e9f, top = 1e9f, right = -1e9f, bottom = -1e9f;

  void include(PenPoint p) {
    left = std::min(left, p.x);
    right = std::max(right, p.x);
    top = std::min(top, p.y);
    bottom = std::max(bottom, p.y);
  }
};

struct Hand {
  ElasticField elastic;
  Affine affine;
  Pressure pressure;
  float jitter;

  explicit Hand(RandomSequence& random)
      : elastic(random, 0.036f),
        affine(random),
        pressure(random),
        jitter(random.next_uniform(0.010f, 0.036f)) {}
};

void add_stroke(const Knots& knots, const Hand& hand, int steps, PenPath& path, Box& box) {
  const auto at = [&](float t, PenPoint a, PenPoint b, PenPoint c, PenPoint d) {
    const PenPoint p{catmull_rom(a.x, b.x, c.x, d.x, t), catmull_rom(a.y, b.y, c.y, d.y, t)};
    return hand.affine(hand.elastic(p));
  };
  const int pieces = knots.count - 1;
  for (int piece = 0; piece < pieces; ++piece) {
    const PenPoint b = knots.point[static_cast<std::size_t>(piece)];
    const PenPoint c = knots.point[static_cast<std::size_t>(piece + 1)];
    const PenPoint a = neighbour(knots, piece, -1);
    const PenPoint d = neighbour(knots, piece + 1, +1);
    for (int step = 0; step < steps; ++step) {
      const float t0 = static_cast<float>(step) / static_cast<float>(steps);
      const float t1 = static_cast<float>(step + 1) / static_cast<float>(steps);
      const auto s = [&](float t) {
        return (static_cast<float>(piece) + t) / static_cast<float>(pieces);
      };
      const PenSegment segment{at(t0, a, b, c, d), at(t1, a, b, c, d), hand.pressure(s(t0)),
                               hand.pressure(s(t1))};
      path.add(segment);
      box.include(segment.a);
      box.include(segment.b);
    }
  }
}

/// Scales and moves the path so that the digit, pen included, fills a random part of the image.
void fit(PenPath& path, const Box& box, float radius, int size, RandomSequence& random) {
  const float side = static_cast<float>(size);
  const float extent = std::clamp(0.72f + 0.035f * random.next_normal(), 0.62f, 0.82f);
  const float height = std::max(box.bottom - box.top, 0.05f);
  const float width = std::max(box.right - box.left, 0.05f);
  const float room = extent - 2.0f * radius;
  const float scale = side * std::min(room / height, room / width);
  const float x0 =
      side * (0.5f + 0.018f * random.next_normal()) - scale * 0.5f * (box.left + box.right);
  const float y0 =
      side * (0.5f + 0.018f * random.next_normal()) - scale * 0.5f * (box.top + box.bottom);
  for (PenSegment& segment : path.segments()) {
    segment.a = {x0 + scale * segment.a.x, y0 + scale * segment.a.y};
    segment.b = {x0 + scale * segment.b.x, y0 + scale * segment.b.y};
    segment.radius_a *= side;
    segment.radius_b *= side;
  }
}

}  // namespace

void digit_path(const DigitStyle& style, int size, RandomSequence& random, PenPath& path) {
  path.clear();
  const Hand hand(random);
  // Pieces of about a pixel and a half at 28 px, and never visibly angular above.
  const int steps = std::clamp(size / 8, 5, PenPath::kMaxSteps);
  Box box;
  for (const PenStroke& stroke : style.strokes) {
    add_stroke(place_knots(stroke, hand.jitter, random), hand, steps, path, box);
  }
  fit(path, box, hand.pressure.radius, size, random);
}

}  // namespace dcgan
