// What the CPU variants share: reading and writing of stored types, and choice of type.
#pragma once

#include <cstdint>

#include "runtime/base/bf16.h"
#include "runtime/base/dtype.h"
#include "runtime/base/errors.h"

namespace dcgan::cpu {

/// Elements of a flat loop that one thread takes at a time: 64 KiB of f32, long enough to hide the
/// start of a loop and short enough to share a layer among the cores.
inline constexpr std::int64_t kElementGrain = 16384;

/// Calls body.template operator()<T>() with T = float or bf16.
template <class Body>
decltype(auto) with_float_type(DType dtype, const Body& body) {
  if (dtype == DType::bf16) return body.template operator()<bf16>();
  DCGAN_CHECK(dtype == DType::f32, "cpu: no loop for {}", name_of(dtype));
  return body.template operator()<float>();
}

}  // namespace dcgan::cpu
