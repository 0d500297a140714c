#include "tests/cases/comparison.h"

namespace dcgan::test {

double Comparison::error() const {
  if (measure == Measure::absolute) return reference::max_abs_difference(found, expected);
  const double error = reference::relative_l2(found, expected);
  const double norm = reference::l2_norm(expected);
  return scale == 0 ? error : error * (norm > 0 ? norm : 1) / scale;
}

}  // namespace dcgan::test
