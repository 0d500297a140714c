// One comparison of an operation's result with its reference. The checks of this folder make them;
// a Catch2 test or a benchmark receives them.
#pragma once

#include <functional>
#include <string>

#include "tests/reference/values.h"

namespace dcgan::test {

using reference::Values;

/// What error() measures. All are infinite for other shapes and for NaN.
enum class Measure {
  relative,  ///< ||found - expected|| / ||expected||, in the L2 norm
  absolute,  ///< max |found - expected|
};

struct Comparison {
  std::string name;  ///< of the result: "dx"
  Values found;
  Values expected;
  double bound = 0;  ///< on error(); 0: every value must be equal
  Measure measure = Measure::relative;
  double scale = 0;  ///< not 0: in place of ||expected||, for results that are small differences

  double error() const;
  bool passed() const { return error() <= bound; }  // false for NaN
};

inline Comparison relative(std::string name, Values found, Values expected, double bound) {
  return {std::move(name), std::move(found), std::move(expected), bound};
}
inline Comparison absolute(std::string name, Values found, Values expected, double bound) {
  return {std::move(name), std::move(found), std::move(expected), bound, Measure::absolute};
}
inline Comparison exactly(std::string name, Values found, Values expected) {
  return absolute(std::move(name), std::move(found), std::move(expected), 0);
}
/// ||found - expected|| / scale.
inline Comparison relative_to(double scale, std::string name, Values found, Values expected,
                              double bound) {
  return {std::move(name), std::move(found), std::move(expected), bound, Measure::relative, scale};
}

/// Receives the comparisons of a check, in the order in which it makes them.
using Report = std::function<void(const Comparison&)>;

}  // namespace dcgan::test
