#include "models/data/strokes/digit_shapes.h"

#include <array>

#include "runtime/base/errors.h"

namespace dcgan {
namespace {

using Styles = std::vector<DigitStyle>;

// The formatter would put each point on a line of its own.
// clang-format off

Styles zero() {
  return {
      // An oval from the top, closed with a small overlap.
      {3.0f,
       {{{0.38f, 0.02f}, {0.14f, 0.14f}, {0.03f, 0.48f}, {0.12f, 0.84f}, {0.35f, 0.99f},
         {0.60f, 0.84f}, {0.69f, 0.48f}, {0.58f, 0.14f}, {0.36f, 0.01f}, {0.28f, 0.05f}}}},
      // Narrow, begun on the right, the end crosses the beginning.
      {2.0f,
       {{{0.50f, 0.06f}, {0.30f, 0.04f}, {0.10f, 0.32f}, {0.06f, 0.70f}, {0.22f, 0.98f},
         {0.44f, 0.82f}, {0.56f, 0.46f}, {0.50f, 0.12f}, {0.36f, -0.02f}, {0.30f, 0.06f}}}},
      // Round, not quite closed.
      {1.5f,
       {{{0.34f, 0.06f}, {0.12f, 0.22f}, {0.02f, 0.52f}, {0.14f, 0.86f}, {0.42f, 0.98f},
         {0.70f, 0.80f}, {0.78f, 0.46f}, {0.64f, 0.14f}, {0.42f, 0.05f}}}},
  };
}

Styles one() {
  return {
      {4.0f, {{{0.10f, 0.0f}, {0.10f, 0.33f}, {0.09f, 0.66f}, {0.10f, 1.0f}}}},
      // With an upstroke.
      {1.5f,
       {{{0.0f, 0.26f}, {0.12f, 0.16f}, {0.24f, 0.0f}, {0.24f, 0.0f}, {0.24f, 0.5f},
         {0.23f, 1.0f}}}},
      // With an upstroke and a foot.
      {0.6f,
       {{{0.06f, 0.22f}, {0.18f, 0.14f}, {0.30f, 0.0f}, {0.30f, 0.0f}, {0.30f, 0.5f},
         {0.30f, 0.98f}},
        {{0.04f, 0.98f}, {0.30f, 0.99f}, {0.58f, 0.97f}}}},
  };
}

Styles two() {
  return {
      // Arc, diagonal, flat foot.
      {2.0f,
       {{{0.06f, 0.24f}, {0.20f, 0.05f}, {0.42f, 0.01f}, {0.60f, 0.16f}, {0.56f, 0.40f},
         {0.34f, 0.68f}, {0.04f, 0.97f}, {0.04f, 0.97f}, {0.36f, 0.94f}, {0.68f, 0.96f}}}},
      // A loop at the lower left, the foot a wave.
      {2.0f,
       {{{0.08f, 0.20f}, {0.26f, 0.03f}, {0.50f, 0.04f}, {0.60f, 0.22f}, {0.52f, 0.48f},
         {0.32f, 0.78f}, {0.12f, 0.96f}, {0.02f, 0.88f}, {0.14f, 0.77f}, {0.34f, 0.86f},
         {0.56f, 0.97f}, {0.76f, 0.90f}}}},
      // A swan: a long neck, the foot rising.
      {1.2f,
       {{{0.12f, 0.30f}, {0.14f, 0.10f}, {0.36f, 0.0f}, {0.54f, 0.12f}, {0.52f, 0.38f},
         {0.38f, 0.64f}, {0.10f, 0.92f}, {0.10f, 0.92f}, {0.30f, 0.88f}, {0.50f, 0.96f},
         {0.72f, 0.88f}}}},
  };
}

Styles three() {
  return {
      // Two bows that meet in a cusp.
      {2.5f,
       {{{0.06f, 0.14f}, {0.24f, 0.01f}, {0.48f, 0.05f}, {0.56f, 0.22f}, {0.44f, 0.40f},
         {0.22f, 0.47f}, {0.22f, 0.47f}, {0.46f, 0.52f}, {0.61f, 0.70f}, {0.52f, 0.91f},
         {0.28f, 1.0f}, {0.04f, 0.90f}}}},
      // A small loop in the middle.
      {1.5f,
       {{{0.10f, 0.08f}, {0.32f, 0.0f}, {0.52f, 0.12f}, {0.48f, 0.32f}, {0.28f, 0.47f},
         {0.21f, 0.43f}, {0.31f, 0.41f}, {0.50f, 0.52f}, {0.58f, 0.72f}, {0.44f, 0.94f},
         {0.20f, 1.0f}, {0.02f, 0.88f}}}},
      // Flat top.
      {0.7f,
       {{{0.06f, 0.03f}, {0.30f, 0.02f}, {0.56f, 0.02f}, {0.56f, 0.02f}, {0.42f, 0.20f},
         {0.26f, 0.40f}, {0.26f, 0.40f}, {0.50f, 0.46f}, {0.62f, 0.68f}, {0.50f, 0.92f},
         {0.26f, 1.0f}, {0.02f, 0.90f}}}},
  };
}

Styles four() {
  return {
      // Open: an angle, then the stem.
      {2.5f,
       {{{0.14f, 0.02f}, {0.10f, 0.24f}, {0.04f, 0.50f}, {0.04f, 0.50f}, {0.30f, 0.50f},
         {0.66f, 0.46f}},
        {{0.54f, 0.04f}, {0.50f, 0.36f}, {0.47f, 0.70f}, {0.46f, 1.0f}}}},
      // Open and round, a u with a tail.
      {2.0f,
       {{{0.08f, 0.04f}, {0.04f, 0.26f}, {0.08f, 0.46f}, {0.30f, 0.50f}, {0.50f, 0.36f},
         {0.56f, 0.04f}, {0.56f, 0.04f}, {0.54f, 0.36f}, {0.50f, 0.70f}, {0.50f, 1.0f}}}},
      // Closed: a diagonal, the bar, the stem.
      {1.3f,
       {{{0.48f, 0.0f}, {0.28f, 0.32f}, {0.02f, 0.66f}, {0.02f, 0.66f}, {0.34f, 0.66f},
         {0.72f, 0.64f}},
        {{0.49f, 0.0f}, {0.50f, 0.34f}, {0.49f, 0.68f}, {0.48f, 1.0f}}}},
  };
}

Styles five() {
  return {
      // Down, the bowl; then the hat.
      {2.5f,
       {{{0.16f, 0.04f}, {0.13f, 0.22f}, {0.10f, 0.43f}, {0.10f, 0.43f}, {0.34f, 0.37f},
         {0.56f, 0.52f}, {0.58f, 0.76f}, {0.40f, 0.97f}, {0.16f, 0.99f}, {0.0f, 0.88f}},
        {{0.16f, 0.04f}, {0.38f, 0.05f}, {0.64f, 0.02f}}}},
      // In one: from the right end of the hat.
      {2.0f,
       {{{0.66f, 0.04f}, {0.42f, 0.03f}, {0.20f, 0.06f}, {0.20f, 0.06f}, {0.15f, 0.24f},
         {0.12f, 0.42f}, {0.12f, 0.42f}, {0.36f, 0.40f}, {0.54f, 0.56f}, {0.52f, 0.80f},
         {0.32f, 0.98f}, {0.04f, 0.94f}}}},
      // Fast: rounded like an S.
      {1.0f,
       {{{0.68f, 0.02f}, {0.44f, 0.04f}, {0.22f, 0.10f}, {0.14f, 0.30f}, {0.28f, 0.45f},
         {0.48f, 0.56f}, {0.54f, 0.76f}, {0.38f, 0.96f}, {0.08f, 0.96f}}}},
  };
}

Styles six() {
  return {
      // A bent back and a closed bowl.
      {2.5f,
       {{{0.48f, 0.0f}, {0.26f, 0.20f}, {0.08f, 0.48f}, {0.06f, 0.78f}, {0.24f, 0.99f},
         {0.48f, 0.90f}, {0.54f, 0.68f}, {0.38f, 0.54f}, {0.18f, 0.64f}, {0.09f, 0.80f}}}},
      // Steep back, wide bowl.
      {1.5f,
       {{{0.24f, 0.0f}, {0.10f, 0.28f}, {0.04f, 0.60f}, {0.10f, 0.88f}, {0.32f, 1.0f},
         {0.56f, 0.88f}, {0.58f, 0.66f}, {0.40f, 0.54f}, {0.16f, 0.62f}, {0.07f, 0.76f}}}},
      // Small bowl that curls inside.
      {1.2f,
       {{{0.58f, 0.04f}, {0.34f, 0.14f}, {0.12f, 0.42f}, {0.05f, 0.74f}, {0.20f, 0.98f},
         {0.42f, 0.94f}, {0.50f, 0.76f}, {0.38f, 0.64f}, {0.22f, 0.74f}, {0.20f, 0.84f}}}},
  };
}

Styles seven() {
  return {
      {3.0f,
       {{{0.02f, 0.08f}, {0.30f, 0.05f}, {0.62f, 0.04f}, {0.62f, 0.04f}, {0.48f, 0.34f},
         {0.34f, 0.66f}, {0.26f, 1.0f}}}},
      // The corner rounded, the leg bent.
      {2.0f,
       {{{0.02f, 0.20f}, {0.06f, 0.07f}, {0.06f, 0.07f}, {0.32f, 0.06f}, {0.56f, 0.04f},
         {0.60f, 0.14f}, {0.44f, 0.40f}, {0.32f, 0.70f}, {0.30f, 1.0f}}}},
      // With a bar through the leg.
      {1.0f,
       {{{0.02f, 0.06f}, {0.32f, 0.05f}, {0.62f, 0.04f}, {0.62f, 0.04f}, {0.46f, 0.36f},
         {0.32f, 0.68f}, {0.24f, 1.0f}},
        {{0.16f, 0.52f}, {0.36f, 0.50f}, {0.60f, 0.48f}}}},
  };
}

Styles eight() {
  return {
      // An S closed by the way back.
      {3.0f,
       {{{0.52f, 0.12f}, {0.34f, 0.0f}, {0.12f, 0.10f}, {0.12f, 0.30f}, {0.32f, 0.46f},
         {0.52f, 0.64f}, {0.54f, 0.86f}, {0.32f, 1.0f}, {0.08f, 0.88f}, {0.10f, 0.66f},
         {0.32f, 0.46f}, {0.52f, 0.28f}, {0.54f, 0.10f}}}},
      // Two rings.
      {1.3f,
       {{{0.34f, 0.46f}, {0.14f, 0.36f}, {0.12f, 0.14f}, {0.32f, 0.01f}, {0.52f, 0.12f},
         {0.52f, 0.34f}, {0.34f, 0.46f}},
        {{0.34f, 0.46f}, {0.10f, 0.58f}, {0.06f, 0.84f}, {0.30f, 0.99f}, {0.56f, 0.88f},
         {0.58f, 0.62f}, {0.36f, 0.46f}}}},
      // Begun at the upper right, left open there.
      {1.3f,
       {{{0.60f, 0.06f}, {0.40f, 0.03f}, {0.16f, 0.12f}, {0.16f, 0.32f}, {0.38f, 0.48f},
         {0.50f, 0.70f}, {0.40f, 0.94f}, {0.18f, 0.96f}, {0.10f, 0.76f}, {0.30f, 0.50f},
         {0.48f, 0.28f}, {0.62f, 0.10f}}}},
  };
}

Styles nine() {
  return {
      // A ring and a straight stem.
      {2.5f,
       {{{0.54f, 0.14f}, {0.36f, 0.01f}, {0.12f, 0.12f}, {0.06f, 0.34f}, {0.24f, 0.48f},
         {0.46f, 0.36f}, {0.56f, 0.10f}, {0.56f, 0.10f}, {0.53f, 0.40f}, {0.49f, 0.70f},
         {0.46f, 1.0f}}}},
      // The stem bends to a hook.
      {1.3f,
       {{{0.52f, 0.12f}, {0.32f, 0.0f}, {0.10f, 0.14f}, {0.10f, 0.38f}, {0.30f, 0.48f},
         {0.50f, 0.34f}, {0.54f, 0.14f}, {0.54f, 0.14f}, {0.58f, 0.48f}, {0.50f, 0.84f},
         {0.30f, 1.0f}, {0.08f, 0.92f}}}},
      // Fast: a slanted drop and a tail.
      {1.5f,
       {{{0.60f, 0.10f}, {0.38f, 0.02f}, {0.14f, 0.18f}, {0.14f, 0.40f}, {0.34f, 0.42f},
         {0.56f, 0.22f}, {0.62f, 0.08f}, {0.56f, 0.36f}, {0.42f, 0.70f}, {0.34f, 1.0f}}}},
  };
}

// clang-format on

}  // namespace

std::span<const DigitStyle> digit_styles(int digit) {
  static const std::array<Styles, 10> kStyles{zero(), one(), two(),   three(), four(),
                                              five(), six(), seven(), eight(), nine()};
  DCGAN_CHECK(digit >= 0 && digit <= 9, "digit_styles: {} is not a digit", digit);
  return kStyles[static_cast<std::size_t>(digit)];
}

}  // namespace dcgan
