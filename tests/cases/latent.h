// Latent vectors: cases and their comparison with the numbers that the contract defines.
#pragma once

#include <vector>

#include "kernels/input/latent.h"
#include "tests/cases/guarded_tensor.h"

namespace dcgan::test {

constexpr RandomKey kLatentKey{0x123456789abcdefull, RandomStream::latent};

struct LatentCase {
  LatentOptions options;
  Shape shape;                  ///< (N, nz)
  std::int64_t first_draw = 0;  ///< of three
};

std::string to_string(const LatentCase& one);

/// Rows of whole and of partial Philox blocks; one and several thread blocks of a GPU; draws and
/// samples beyond 32 and 31 bits.
std::vector<LatentCase> latent_cases();

/// draw_latent and draw_next_latent, bit for bit, the draw's number, and guard bytes.
void check_latent(const Context& context, const LatentCase& one, DType dtype, const Report& report);

}  // namespace dcgan::test
