#include "runtime/base/host_tensor.h"

#include <cstdint>
#include <numeric>

#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;

TEST_CASE("a host tensor starts as zeros in every byte") {
  // Freed memory full of ones is likely to be handed out again.
  { const std::vector<std::uint8_t> ones(4000, 255); }
  const HostTensor tensor(Shape{4000}, DType::u8);
  const auto* bytes = tensor.view().as<std::uint8_t>();
  CHECK(std::accumulate(bytes, bytes + 4000, 0) == 0);
}

TEST_CASE("a host tensor accepts only as many values as its shape has elements") {
  const HostTensor tensor = HostTensor::from<double>({1, 2, 3, 4, 5, 6}, {2, 3});
  CHECK(tensor.view().as<double>()[5] == 6);
  CHECK(tensor.shape() == Shape{2, 3});
  CHECK(tensor.dtype() == DType::f64);
  DCGAN_CHECK_FAILS(HostTensor::from<float>({1, 2}, {3}), ErrorKind::internal,
                    "2 values for shape [3]");
}

TEST_CASE("a host tensor is aligned for its elements and may be empty") {
  for (const std::int64_t count : {0, 1, 15, 16, 17}) {
    const HostTensor tensor(Shape{count}, DType::u8);
    CHECK(reinterpret_cast<std::uintptr_t>(tensor.view().data) % alignof(std::max_align_t) == 0);
    CHECK(tensor.view().bytes() == static_cast<std::size_t>(count));
  }
}

TEST_CASE("a host tensor whose size in bytes overflows is refused") {
  DCGAN_CHECK_FAILS(HostTensor(Shape{INT64_MAX}, DType::f32), ErrorKind::internal, "overflows");
}
