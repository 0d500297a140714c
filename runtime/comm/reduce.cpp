#include "runtime/comm/reduce.h"

#include <type_traits>

namespace dcgan {
namespace {

template <class T>
T combined(ReduceOp op, T a, T b) {
  if (op == ReduceOp::sum) {
    if constexpr (std::is_integral_v<T>) {
      using Bits = std::make_unsigned_t<T>;
      return static_cast<T>(static_cast<Bits>(a) + static_cast<Bits>(b));
    } else {
      return a + b;
    }
  }
  if (a != a) return a;  // a NaN
  const bool keeps = op == ReduceOp::min ? a <= b : a >= b;
  return keeps ? a : b;
}

template <class T>
void reduce_values(ReduceOp op, T* to, const T* from, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    if constexpr (std::is_same_v<T, bf16>) {
      to[i] = bf16(combined(op, float(to[i]), float(from[i])));
    } else {
      to[i] = combined(op, to[i], from[i]);
    }
  }
}

}  // namespace

void reduce_into(ReduceOp op, TensorView to, ConstTensorView from) {
  DCGAN_CHECK(to.dtype == from.dtype && to.elements() == from.elements(),
              "reduce: {} {} into {} {}", name_of(from.dtype), to_string(from.shape),
              name_of(to.dtype), to_string(to.shape));
  const std::int64_t count = to.elements();
  switch (to.dtype) {
    case DType::f32:
      return reduce_values(op, to.as<float>(), from.as<float>(), count);
    case DType::f64:
      return reduce_values(op, to.as<double>(), from.as<double>(), count);
    case DType::bf16:
      return reduce_values(op, to.as<bf16>(), from.as<bf16>(), count);
    case DType::i32:
      return reduce_values(op, to.as<std::int32_t>(), from.as<std::int32_t>(), count);
    case DType::i64:
      return reduce_values(op, to.as<std::int64_t>(), from.as<std::int64_t>(), count);
    case DType::u8:
      break;
  }
  fail(ErrorKind::internal, "reduce: {} has no reductions", name_of(to.dtype));
}

}  // namespace dcgan
