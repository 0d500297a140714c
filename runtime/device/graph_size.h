// How much a graph holds.
#pragma once

#include <cstddef>

namespace dcgan {

struct GraphSize {
  std::size_t nodes = 0;    ///< operations: kernels, copies, fills
  std::size_t kernels = 0;  ///< of these, kernels
};

}  // namespace dcgan
