// Repeated timing: medians and spreads instead of single figures.
#pragma once

#include <functional>
#include <vector>

#include "runtime/device/context.h"

namespace dcgan {

struct Timing {
  std::vector<double> milliseconds;  ///< one a repeat, in order

  double quantile(double q) const;  ///< linear between the sorted samples; q in 0..1
  double median() const { return quantile(0.5); }
};

/// Calls `body` `warm_up` times unmeasured, then `repeats` times (at least one) measured. The body
/// must not return before its work is done.
Timing time_repeats(int warm_up, int repeats, const std::function<void()>& body);

/// The same for a body that enqueues its work on `context`: the host runs ahead, as in training,
/// and a repeat is the time that passes on the device from its start to the next one's.
Timing time_enqueued(const Context& context, int warm_up, int repeats,
                     const std::function<void()>& body);

/// The same, but each repeat is waited for before the next begins: the time on the device from its
/// first work to its last, when nothing else is under way.
Timing time_alone(const Context& context, int warm_up, int repeats,
                  const std::function<void()>& body);

}  // namespace dcgan
