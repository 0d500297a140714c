// How far a result may be from its float64 reference: the bound on its relative error in the L2
// norm.
//
// float32: a sum of n terms makes n rounding errors of 2^-24 each. They are independent, so that
// they add up to about sqrt(n) * 2^-24; the factor 2 is a margin, and 8 stands for the roundings of
// the inputs and of what follows the sum.
// bf16: the result is rounded to 8 bits when it is stored, with an error of at most 2^-9, and twice
// where an activation follows in a kernel of its own.
// TF32: both factors of each product are rounded to 11 bits, with an error of at most 2^-11 each.
//
// A result that depends on several sums, or on differences of sums, takes a multiple of this bound;
// the multiple is explained where it is used.
#pragma once

#include <cmath>
#include <cstdint>

#include "runtime/base/dtype.h"

namespace dcgan::reference {

/// What the factors of the products are rounded to beyond their storage type.
enum class Factors { as_stored, tf32 };

/// For a result that sums `terms` products and is stored as `stored`.
inline double tolerance(DType stored, std::int64_t terms, Factors factors = Factors::as_stored) {
  const double sum = std::ldexp(1.0, -24) * (8 + 2 * std::sqrt(static_cast<double>(terms)));
  const double factor_rounding = factors == Factors::tf32 ? std::ldexp(1.0, -10) : 0.0;
  const double storage = stored == DType::bf16 ? std::ldexp(1.0, -8) : 0.0;
  return storage + factor_rounding + sum;
}

}  // namespace dcgan::reference
