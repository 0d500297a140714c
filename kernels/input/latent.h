// Latent vectors: Philox numbers (runtime/base/philox.h) of a seed, a use, a step and a sample.
#pragma once

#include <cstdint>

#include "runtime/base/enum_names.h"
#include "runtime/base/philox.h"
#include "runtime/base/tensor.h"
#include "runtime/device/context.h"

namespace dcgan {

enum class LatentDistribution {
  normal,   ///< N(0, 1)
  uniform,  ///< U(-1, 1)
};

constexpr auto enum_table(LatentDistribution) {
  return NameTable<LatentDistribution, 2>{
      {{"normal", LatentDistribution::normal}, {"uniform", LatentDistribution::uniform}}};
}

/// What the number of a draw counts.
enum class DrawNumber {
  step,   ///< the `step` of the random numbers: training's, fresh rows each time
  batch,  ///< batches of one long sequence of rows, all of step 0: a generator's
};

struct LatentOptions {
  RandomKey key;
  LatentDistribution distribution = LatentDistribution::normal;
  std::uint32_t first_sample = 0;  ///< global index of row 0: rank * batch for data-parallel ranks
  DrawNumber number = DrawNumber::step;
};

/// z: (N, nz), f32 or bf16. draw: (1) i64 on the device, the number of this draw; read, not
/// changed. Elements 4b..4b+3 of row n come from random_words(key, step, sample, b) with
///   DrawNumber::step    step = draw, sample = first_sample + n
///   DrawNumber::batch   step = 0,    sample = first_sample + draw * N + n, modulo 2^32
/// Words 0 and 1 make the first two elements by normal_pair_from, words 2 and 3 the next two.
void draw_latent(const Context& context, ConstTensorView draw, TensorView z,
                 const LatentOptions& options);

/// The same, and `draw` counts up by one: a graph that is replayed makes the next numbers each
/// time.
void draw_next_latent(const Context& context, TensorView draw, TensorView z,
                      const LatentOptions& options);

}  // namespace dcgan
