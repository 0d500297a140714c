// What the tests of convolutions share.
#pragma once

#include "tests/cases/conv.h"
#include "tests/kernels/support.h"
#include "tests/reference/conv.h"

namespace dcgan::test {

/// A plan, or nothing where the device says that it cannot compute in the type.
inline std::unique_ptr<ConvPlan> plan_if_possible(const Context& context,
                                                  const ConvConfig& config) {
  try {
    return plan_convolution(context, config);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unavailable || config.dtype == DType::f32) throw;
    return nullptr;
  }
}

/// check_convolution with assertions.
inline void compare(const Context& context, ConvPlan& plan, const ConvConfig& config) {
  check_convolution(context, config, plan,
                    assertions(to_string(config.spec) + " on " + to_string(config.input) + ", " +
                               std::string(name_of(config.dtype)) + ", " + plan.describe() + ", " +
                               to_string(context.device())));
}

}  // namespace dcgan::test
