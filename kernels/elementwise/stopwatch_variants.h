// The variants behind stopwatch.h, one namespace a device. Arguments have been checked.
#pragma once

#include <cstdint>

#include "kernels/elementwise/stopwatch.h"

namespace dcgan {

// total += sign * now.
namespace cpu {
void add_clock(const Context& context, TensorView total, std::int64_t sign);
}  // namespace cpu

namespace cuda {
void add_clock(const Context& context, TensorView total, std::int64_t sign);
}  // namespace cuda

}  // namespace dcgan
