#include "tests/emulator/nccl/reduction.h"

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <type_traits>

#include "runtime/base/bf16.h"

namespace dcgan::emulator::nccl {
namespace {

template <class Value>
Value combine(Value a, Value b, ncclRedOp_t op) {
  if (op == ncclMin) return std::min(a, b);
  if (op == ncclMax) return std::max(a, b);
  if constexpr (std::is_integral_v<Value>) {
    using Unsigned = std::make_unsigned_t<Value>;
    return static_cast<Value>(static_cast<Unsigned>(a) + static_cast<Unsigned>(b));
  } else {
    return a + b;
  }
}

template <class Stored, class Value>
void reduce_as(const std::vector<const void*>& from, std::size_t count, ncclRedOp_t op, void* to) {
  for (std::size_t i = 0; i < count; ++i) {
    Value sum{static_cast<const Stored*>(from[0])[i]};
    for (std::size_t rank = 1; rank < from.size(); ++rank) {
      sum = combine(sum, static_cast<Value>(static_cast<const Stored*>(from[rank])[i]), op);
    }
    static_cast<Stored*>(to)[i] = Stored(sum);
  }
}

}  // namespace

void reduce(const std::vector<const void*>& from, std::size_t count, ncclDataType_t type,
            ncclRedOp_t op, void* to) {
  switch (type) {
    case ncclFloat32:
      return reduce_as<float, float>(from, count, op, to);
    case ncclBfloat16:
      return reduce_as<bf16, float>(from, count, op, to);
    case ncclFloat64:
      return reduce_as<double, double>(from, count, op, to);
    case ncclInt32:
      return reduce_as<std::int32_t, std::int32_t>(from, count, op, to);
    case ncclInt64:
      return reduce_as<std::int64_t, std::int64_t>(from, count, op, to);
    default:
      throw std::invalid_argument("a reduction of a type not in use");
  }
}

}  // namespace dcgan::emulator::nccl
