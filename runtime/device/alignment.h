// The alignment of every allocation and of every slot in one.
#pragma once

#include <cstddef>

namespace dcgan {

/// Bytes. cudaMalloc promises as much, and it exceeds what any instruction of a CPU or GPU needs.
inline constexpr std::size_t kMemoryAlignment = 256;

}  // namespace dcgan
