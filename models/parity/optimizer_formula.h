// The optimisers' formulas (kernels/optimizer/optimizer.h) in float64, one element at a time: what
// an update must come to, and how far float32 may be from it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "kernels/optimizer/optimizer.h"

namespace dcgan {

/// As the recorder's PyTorch had them: they come from the trace, not from our configuration.
struct RecordedOptimizer {
  OptimizerKind kind = OptimizerKind::adam;
  double learning_rate = 0;
  double beta1 = 0;
  double beta2 = 0;
  double alpha = 0;
  double epsilon = 0;
  double weight_clip = 0;  ///< of the discriminator; 0: none

  /// From a trace's metadata. Throws Error(bad_data) naming what is missing or no number.
  static RecordedOptimizer from(const std::map<std::string, std::string>& metadata,
                                const std::string& file);
};

/// One weight with its moments. RMSprop has no first.
struct OptimizedValue {
  double value = 0;
  double first = 0;
  double second = 0;
};

/// A result and how far a float32 program may be from it.
struct OptimizedResult {
  OptimizedValue expected;
  OptimizedValue tolerance;
};

/// Update number `t`, counted from 1, by a gradient. A weight may be off by rounding alone: a unit
/// or two in its last place, and 1e-5 of the largest that the update can be made of.
OptimizedResult optimized(const RecordedOptimizer& by, std::int64_t t, const OptimizedValue& before,
                          double gradient, bool clipped);

}  // namespace dcgan
