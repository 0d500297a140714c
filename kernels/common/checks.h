// Argument checks that operations share. Each throws Error(internal) naming the operation, the
// argument and both figures: arguments come from our own code, so a mismatch is a bug of it.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string_view>

#include "runtime/base/tensor.h"

namespace dcgan::checks {

/// The view is there and has exactly this shape.
void shape(const char* operation, const char* argument, const ConstTensorView& view,
           const Shape& wanted);
/// The view is there and has this many elements, in any shape.
void elements(const char* operation, const char* argument, const ConstTensorView& view,
              std::int64_t wanted);
/// The view's type is one of these.
void dtype(const char* operation, const char* argument, const ConstTensorView& view,
           std::initializer_list<DType> wanted);
/// The view is there, of this type and shape.
void tensor(const char* operation, const char* argument, const ConstTensorView& view,
            DType wanted_dtype, const Shape& wanted_shape);
/// The scratch memory of a call, `what`, has at least `needed` bytes; it may be empty for 0.
void workspace(const char* operation, std::string_view what, const ConstTensorView& view,
               std::size_t needed);
/// The bytes of the two views do not overlap.
void disjoint(const char* operation, const char* argument, const ConstTensorView& view,
              const char* other_argument, const ConstTensorView& other);
/// The bytes of the two views are either the same or disjoint.
void same_or_disjoint(const char* operation, const char* argument, const ConstTensorView& view,
                      const char* other_argument, const ConstTensorView& other);

}  // namespace dcgan::checks
