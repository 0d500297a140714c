// Values of two programs side by side.
#pragma once

#include <string>
#include <vector>

#include "models/parity/trace.h"

namespace dcgan {

/// f32, f64 and i64 in their order. Throws Error(bad_data) for other types.
std::vector<double> values_of(const HostTensor& tensor);

/// Largest difference, and that of the norms; NaN in either program gives infinity.
struct Distance {
  double max_abs = 0;
  double relative_l2 = 0;  ///< |a - b| / |b|
};
Distance distance(const std::vector<double>& a, const std::vector<double>& b);

/// A verdict by one of a distance's figures.
TraceComparison judged(const std::string& name, const Distance& distance, TraceMeasure measure,
                       double bound);

}  // namespace dcgan
