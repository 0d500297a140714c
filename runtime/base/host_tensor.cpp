#include "runtime/base/host_tensor.h"

namespace dcgan {
namespace {

std::size_t bytes_of(const Shape& shape, DType dtype) {
  std::size_t bytes = 0;
  DCGAN_CHECK(
      !__builtin_mul_overflow(static_cast<std::uint64_t>(shape.elements()), size_of(dtype), &bytes),
      "host tensor: {} of {} overflows", to_string(shape), name_of(dtype));
  return bytes;
}

}  // namespace

// One unit more than the bytes need: an empty tensor has an address, too, so that its view is not
// mistaken for "not wanted".
HostTensor::HostTensor(Shape shape, DType dtype)
    : storage_(bytes_of(shape, dtype) / sizeof(Unit) + 1), shape_(shape), dtype_(dtype) {}

}  // namespace dcgan
