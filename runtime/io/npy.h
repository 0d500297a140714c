// NumPy's .npy format, version 1.0, little-endian, C order.
#pragma once

#include <filesystem>

#include "runtime/base/tensor.h"

namespace dcgan {

/// f32, f64, u8, i32 or i64, host memory. Written atomically.
void write_npy(const std::filesystem::path& path, ConstTensorView tensor);

}  // namespace dcgan
