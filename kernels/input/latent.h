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

struct LatentOptions {
  RandomKey key;
  LatentDistribution distribution = LatentDistribution::normal;
  std::uint32_t first_sample = 0;  ///< global index of row 0: rank * batch for data-parallel ranks
};

/// z: (N, nz), f32 or bf16. step: (1) i64 on the device, the step of the numbers (read, not
/// changed). Elements 4b..4b+3 of row n come from random_words(key, step, first_sample + n, b):
/// words 0 and 1 make the first two by normal_pair_from, words 2 and 3 the next two.
void draw_latent(const Context& context, ConstTensorView step, TensorView z,
                 const LatentOptions& options);

}  // namespace dcgan
