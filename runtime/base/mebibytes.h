// Sizes of memory for people.
#pragma once

#include <cstddef>

namespace dcgan {

constexpr double mebibytes(std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

}  // namespace dcgan
