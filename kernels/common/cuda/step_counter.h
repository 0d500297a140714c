// A counter in device memory that every block of a launch reads and that counts up once a launch.
#pragma once

#include <cstdint>

#include "kernels/common/cuda/launch.h"

namespace dcgan::cuda {

/// Called once by one thread of every block. Returns the counter as it was before the launch; after
/// the launch it is one higher. The upper bits of the counter itself count the blocks that have
/// read it (no other memory is at hand that starts at zero), and the last block clears them: so the
/// counter must stay below 2^40.
__device__ __forceinline__ std::int64_t read_and_advance(std::int64_t* counter) {
  constexpr int kTicketShift = 40;
  constexpr unsigned long long kValueMask = (1ull << kTicketShift) - 1;
  auto* word = reinterpret_cast<unsigned long long*>(counter);
  // One atomic operation reads the low bits and counts in the high ones.
  const unsigned long long arrived = atomicAdd(word, 1ull << kTicketShift);
  const unsigned long long value = arrived & kValueMask;
  const unsigned long long blocks =
      static_cast<unsigned long long>(gridDim.x) * gridDim.y * gridDim.z;
  if ((arrived >> kTicketShift) + 1 == blocks) atomicExch(word, value + 1);
  return static_cast<std::int64_t>(value);
}

}  // namespace dcgan::cuda
