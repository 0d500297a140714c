// Plans of blocks, of the types that the device has.
#pragma once

#include <memory>

#include "tests/cases/block.h"
#include "tests/kernels/support.h"

namespace dcgan::test {

/// make(), or nothing where the device says that it cannot compute in the type.
template <class Make>
std::unique_ptr<BlockPlan> plan_if_possible(const Make& make, const Context& context,
                                            const BlockConfig& config) {
  try {
    return make(context, config);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unavailable || config.dtype == DType::f32) throw;
    return nullptr;
  }
}

}  // namespace dcgan::test
