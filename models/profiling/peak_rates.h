// What the device can do at best, measured on the spot: the two sides of a roofline.
#pragma once

#include "kernels/conv/conv.h"
#include "runtime/base/dtype.h"
#include "runtime/device/context.h"

namespace dcgan {

struct PeakRates {
  double copy_bytes_per_second =
      0;                        ///< bytes read plus bytes written, of a copy too large to cache
  double flops_per_second = 0;  ///< of a large convolution of the type, by its best pass
};

/// Takes about half a second on a CPU.
PeakRates measure_peak_rates(const Context& context, DType dtype, const ConvPolicy& policy = {});

}  // namespace dcgan
