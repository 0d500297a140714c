// The choice among candidates by measurement.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>

#include "runtime/base/errors.h"

namespace dcgan::cuda {

struct Fastest {
  std::size_t index = 0;
  double elapsed_ms = std::numeric_limits<double>::infinity();
  std::size_t failed = 0;  ///< candidates that could not be measured
};

/// Calls time_ms(0) .. time_ms(count - 1). A candidate whose measurement throws Error is passed
/// over: some engines refuse, or find no memory for code that they compile, only when they run.
/// Nothing when none could be measured; of equals the first.
template <class Time>
std::optional<Fastest> fastest_of(std::size_t count, const Time& time_ms) {
  Fastest best;
  for (std::size_t index = 0; index < count; ++index) {
    try {
      const double elapsed_ms = time_ms(index);
      if (elapsed_ms < best.elapsed_ms) {
        best.index = index;
        best.elapsed_ms = elapsed_ms;
      }
    } catch (const Error&) {
      ++best.failed;
    }
  }
  if (best.failed == count) return std::nullopt;
  return best;
}

}  // namespace dcgan::cuda
