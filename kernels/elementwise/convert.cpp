#include "kernels/elementwise/convert.h"

#include "kernels/common/checks.h"
#include "kernels/elementwise/convert_variants.h"
#include "runtime/base/build_config.h"

namespace dcgan {
namespace {

void check_layouts(const char* operation, ConstTensorView x, ConstTensorView y) {
  checks::dtype(operation, "x", x, {DType::f32});
  checks::dtype(operation, "y", y, {DType::f32});
  checks::shape(operation, "x", x, x.shape);
  DCGAN_CHECK(x.shape.rank() == 4, "{}: x has shape {}, expected four extents", operation,
              to_string(x.shape));
  checks::disjoint(operation, "y", y, "x", x);
}

}  // namespace

void convert_type(const Context& context, ConstTensorView x, TensorView y) {
  constexpr const char* kName = "convert_type";
  checks::dtype(kName, "x", x, {DType::f32, DType::bf16});
  checks::dtype(kName, "y", y, {DType::f32, DType::bf16});
  DCGAN_CHECK(x.dtype != y.dtype, "{}: x and y both hold {}: use copy", kName, name_of(x.dtype));
  checks::elements(kName, "x", x, x.elements());
  checks::elements(kName, "y", y, x.elements());
  checks::disjoint(kName, "y", y, "x", x);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::convert_type(context, x, y);
  }
  cpu::convert_type(context, x, y);
}

void to_channels_last(const Context& context, ConstTensorView x, TensorView y) {
  constexpr const char* kName = "to_channels_last";
  check_layouts(kName, x, y);
  checks::shape(kName, "y", y, {x.shape[0], x.shape[2], x.shape[3], x.shape[1]});
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::to_channels_last(context, x, y);
  }
  cpu::to_channels_last(context, x, y);
}

void to_channels_first(const Context& context, ConstTensorView x, TensorView y) {
  constexpr const char* kName = "to_channels_first";
  check_layouts(kName, x, y);
  checks::shape(kName, "y", y, {x.shape[0], x.shape[3], x.shape[1], x.shape[2]});
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::to_channels_first(context, x, y);
  }
  cpu::to_channels_first(context, x, y);
}

}  // namespace dcgan
