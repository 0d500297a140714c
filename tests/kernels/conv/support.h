// What the tests of convolutions share.
#pragma once

#include "tests/cases/conv.h"
#include "tests/kernels/support.h"
#include "tests/reference/conv.h"

namespace dcgan::test {

/// check_convolution with assertions.
inline void compare(const Context& context, ConvPlan& plan, const ConvConfig& config) {
  check_convolution(context, config, plan,
                    assertions(to_string(config.spec) + " on " + to_string(config.input) + ", " +
                               std::string(name_of(config.dtype)) + ", " + plan.describe() + ", " +
                               to_string(context.device())));
}

}  // namespace dcgan::test
