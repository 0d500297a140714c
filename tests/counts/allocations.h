// Counts every allocation of the process between two points, and says whose it was. The program
// that links allocations.cpp has its malloc, calloc, realloc and aligned forms counted, whoever
// calls them: operator new ends in malloc, and shared libraries find the program's malloc before
// glibc's. Needs glibc; not with sanitizers, which bring an allocator of their own.
#pragma once

#include <cstdint>
#include <string>

namespace dcgan::test {

struct AllocationCounts {
  std::int64_t own = 0;     ///< by the engine
  std::int64_t oneDNN = 0;  ///< below a call of oneDNN's
  std::int64_t openmp = 0;  ///< by OpenMP's runtime
  std::string own_places;   ///< call stacks of the engine's first ones, for addr2line -e
};

/// Counts in all threads from now on. Not nested.
void start_counting_allocations();
AllocationCounts stop_counting_allocations();

}  // namespace dcgan::test
