// Images into a caller's memory: cases and their comparison with float64.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "kernels/input/strided_images.h"
#include "tests/cases/guarded_tensor.h"

namespace dcgan::test {

struct StridedCase {
  const char* name;
  Shape shape;                          ///< (N, H, W, C)
  std::array<std::int64_t, 4> strides;  ///< of N, H, W, C
  std::int64_t first;                   ///< element (0, 0, 0, 0)'s place in the memory
  std::int64_t elements;                ///< of the memory
};

/// Layouts, turned axes, windows of larger memory, more images than a grid holds at a time.
std::vector<StridedCase> strided_cases();

/// Every ImageType.
std::vector<ImageType> image_types();

/// store_images of `from`: each element exactly as float64 arithmetic rounds it, specials too, and
/// every other byte of the memory as it was. Guard bytes.
void check_strided_images(const Context& context, const StridedCase& one, DType from, ImageType to,
                          const Report& report);

/// The bits of the half-precision number nearest to `value`, ties to even, found by arithmetic in
/// double; NaN: 0x7fff.
std::uint16_t reference_half(double value);

}  // namespace dcgan::test
