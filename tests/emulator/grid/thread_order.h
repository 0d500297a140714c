// The order in which threads and blocks run.
#pragma once

#include <cstdint>
#include <vector>

namespace dcgan::emulator {

enum class ThreadOrder { forward, reverse, random };

/// Sets the order for all host threads. At start the environment sets it:
/// DCGAN_EMULATOR_ORDER=forward (the default), reverse, random or random:SEED.
void set_order(ThreadOrder order, std::uint64_t seed = 1);

/// 0 .. count-1 in that order. `salt` makes the random order differ from use to use.
std::vector<std::uint32_t> permutation(std::uint32_t count, std::uint64_t salt);

}  // namespace dcgan::emulator
