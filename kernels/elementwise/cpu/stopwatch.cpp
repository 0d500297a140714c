#include <chrono>

#include "kernels/elementwise/stopwatch_variants.h"

namespace dcgan::cpu {

void add_clock(const Context& /*context*/, TensorView total, std::int64_t sign) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  *total.as<std::int64_t>() +=
      sign * std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

}  // namespace dcgan::cpu
