#include "runtime/device/memory.h"

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

// AddressSanitizer ends the program when an allocation is refused, unless told to return null. Its
// runtime is a shared library, which looks this function up: it must be visible.
extern "C" __attribute__((visibility("default"))) const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }

using namespace dcgan;

TEST_CASE("a buffer is aligned and as large as asked") {
  const Context context{Device{}};
  for (const std::size_t bytes : {1u, 255u, 256u, 1000u}) {
    const Buffer buffer(context, bytes);
    CHECK(buffer.bytes() == bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) % 256 == 0);
    fill_zero(context,
              TensorView(buffer.data(), Shape{static_cast<std::int64_t>(bytes)}, DType::u8));
    CHECK(buffer.data()[bytes - 1] == std::byte{0});
  }
}

TEST_CASE("an empty buffer holds nothing") {
  const Context context{Device{}};
  CHECK(Buffer(context, 0).data() == nullptr);
  CHECK(Buffer().bytes() == 0);
}

TEST_CASE("a moved buffer leaves nothing behind") {
  const Context context{Device{}};
  Buffer first(context, 100);
  const std::byte* data = first.data();
  Buffer second(std::move(first));
  CHECK(second.data() == data);
  CHECK(first.data() == nullptr);  // NOLINT(bugprone-use-after-move): that is the promise
  CHECK(first.bytes() == 0);
  Buffer third(context, 8);
  third = std::move(second);
  CHECK(third.data() == data);
  CHECK(third.bytes() == 100);
}

TEST_CASE("a buffer that the machine cannot hold is an error with need and free") {
  const Context context{Device{}};
  const std::size_t bytes = std::size_t{1} << 60;
  DCGAN_CHECK_FAILS(Buffer(context, bytes), ErrorKind::unavailable, std::to_string(bytes));
  DCGAN_CHECK_FAILS(Buffer(context, bytes), ErrorKind::unavailable, "free");
}

TEST_CASE("a size that wraps when rounded up is refused like any that is too large") {
  const Context context{Device{}};
  const std::size_t most = std::numeric_limits<std::size_t>::max();
  DCGAN_CHECK_FAILS(Buffer(context, most), ErrorKind::unavailable, std::to_string(most));
  DCGAN_CHECK_FAILS(Buffer(context, most - 200), ErrorKind::unavailable,
                    std::to_string(most - 200));
}

TEST_CASE("values are unchanged by an upload, a copy and a download") {
  const Context context{Device{}};
  const std::vector<float> values{1, -2, 3.5f, 0, 7, 8};
  const Shape shape{2, 3};
  const Buffer first(context, sizeof(float) * 6);
  const Buffer second(context, sizeof(float) * 6);
  std::vector<float> back(6);
  upload(context, {values.data(), shape}, {first.data(), shape, DType::f32});
  copy(context, {first.data(), shape, DType::f32}, {second.data(), shape, DType::f32});
  download(context, {second.data(), shape, DType::f32}, {back.data(), shape, DType::f32});
  CHECK(back == values);
}

TEST_CASE("a copy between different types or shapes is refused with both of them") {
  const Context context{Device{}};
  std::vector<float> f(6);
  std::vector<double> d(6);
  DCGAN_CHECK_FAILS(
      copy(context, ConstTensorView(f.data(), Shape{6}), TensorView(d.data(), Shape{6})),
      ErrorKind::internal, "f32 [6] does not fit f64 [6]");
  DCGAN_CHECK_FAILS(
      upload(context, ConstTensorView(f.data(), Shape{6}), TensorView(f.data(), Shape{2, 2})),
      ErrorKind::internal, "f32 [6] does not fit f32 [2, 2]");
}

TEST_CASE("copies and fills of no elements access no memory") {
  const Context context{Device{}};
  const ConstTensorView nothing(nullptr, Shape{0, 4}, DType::f32);
  copy(context, nothing, TensorView(nullptr, Shape{0}, DType::f32));
  fill_zero(context, TensorView(nullptr, Shape{0}, DType::f32));
  CHECK(nothing.bytes() == 0);
}

TEST_CASE("fill_zero clears its view and no byte outside") {
  const Context context{Device{}};
  std::vector<std::uint8_t> bytes(10, 0xff);
  fill_zero(context, TensorView(bytes.data() + 3, Shape{4}));
  CHECK(bytes == std::vector<std::uint8_t>{0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff});
}
