#include "runtime/device/memory_resource.h"

#include <array>
#include <cstdint>
#include <limits>
#include <string>

#include "runtime/device/alignment.h"
#include "runtime/device/limited_memory.h"
#include "runtime/device/memory.h"
#include "runtime/device/memory_plan.h"
#include "tests/runtime/device/counting_memory.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;
using test::CountingMemory;

namespace {

std::shared_ptr<CountingMemory> counted_host_memory() {
  return std::make_shared<CountingMemory>(default_memory({}).device);
}

MemoryPlan plan_of_two_slots() {
  MemoryPlan plan;
  plan.add("weights", {100}, DType::f32);
  plan.add("image", {3, 5}, DType::u8);
  plan.assign();
  return plan;
}

// Hands out whatever address it was told to.
class BrokenMemory final : public MemoryResource {
 public:
  explicit BrokenMemory(std::byte* data) : data_(data) {}
  std::byte* allocate(std::size_t) override { return data_; }
  void release(std::byte* data, std::size_t) noexcept override { released = data; }
  std::byte* released = nullptr;

 private:
  std::byte* data_;
};

}  // namespace

TEST_CASE("the host's memory resource returns aligned memory and reports what is free") {
  const auto host = default_memory({}).device;
  std::byte* data = host->allocate(1);
  CHECK(reinterpret_cast<std::uintptr_t>(data) % kMemoryAlignment == 0);
  host->release(data, 1);
  CHECK(host->free_bytes().value() > 0);
}

TEST_CASE("all buffers and arenas of a context are allocated from the caller's resource") {
  const auto counted = counted_host_memory();
  {
    const Context context(Device{}, {counted, nullptr});
    const Buffer buffer(context, 1000);
    CHECK(counted->live_bytes() == 1000);
    const Arena arena(context, plan_of_two_slots());
    CHECK(counted->live_bytes() == 1000 + plan_of_two_slots().bytes());
    CHECK(counted->allocations() == 2);
  }
  CHECK(counted->live() == 0);
  CHECK(counted->wrong_releases() == 0);
}

TEST_CASE("on the CPU pinned memory comes from the caller's device resource, or from its own") {
  const auto device = counted_host_memory();
  const auto pinned = counted_host_memory();
  const Context one(Device{}, {device, nullptr});
  CHECK(one.memory(MemoryKind::pinned) == device);
  const Context both(Device{}, {device, pinned});
  const Buffer buffer(both, 8, MemoryKind::pinned);
  CHECK(pinned->live_bytes() == 8);
  CHECK(device->live_bytes() == 0);
}

TEST_CASE("a buffer and an arena can be given a resource that is not the context's") {
  const auto contexts = counted_host_memory();
  const auto other = counted_host_memory();
  const Context context(Device{}, {contexts, nullptr});
  const Buffer buffer(other, 300);
  const Arena arena(context, plan_of_two_slots(), other);
  CHECK(other->live_bytes() == 300 + plan_of_two_slots().bytes());
  CHECK(contexts->allocations() == 0);
}

TEST_CASE("a moved buffer is released once, to the resource that it came from") {
  const auto first = counted_host_memory();
  const auto second = counted_host_memory();
  {
    Buffer a(first, 16);
    Buffer b(second, 32);
    b = std::move(a);
    CHECK(second->live() == 0);
    CHECK(first->live_bytes() == 16);
  }
  CHECK(first->live() == 0);
  CHECK(first->wrong_releases() + second->wrong_releases() == 0);
}

TEST_CASE("an empty buffer asks its resource for nothing") {
  const auto counted = counted_host_memory();
  const Buffer buffer(counted, 0);
  CHECK(buffer.data() == nullptr);
  CHECK(counted->allocations() == 0);
}

TEST_CASE("a buffer keeps its resource alive after context and caller have released it") {
  std::weak_ptr<CountingMemory> watched;
  {
    Buffer buffer;
    {
      auto counted = counted_host_memory();
      watched = counted;
      const Context context(Device{}, {std::move(counted), nullptr});
      buffer = Buffer(context, 64);
    }
    REQUIRE_FALSE(watched.expired());
    CHECK(watched.lock()->live() == 1);
  }
  CHECK(watched.expired());
}

TEST_CASE("a resource that returns null or unaligned memory is refused") {
  alignas(kMemoryAlignment) std::array<std::byte, 64> bytes{};
  const auto null = std::make_shared<BrokenMemory>(nullptr);
  DCGAN_CHECK_FAILS(Buffer(null, 16), ErrorKind::internal, "for 16 bytes");
  const auto shifted = std::make_shared<BrokenMemory>(bytes.data() + 8);
  DCGAN_CHECK_FAILS(Buffer(shifted, 16), ErrorKind::internal, "not aligned to 256");
  CHECK(shifted->released == bytes.data() + 8);
  DCGAN_CHECK_FAILS(Buffer(nullptr, 16), ErrorKind::internal, "no resource for 16 bytes");
}

TEST_CASE("an allocation beyond a limit fails with need, free and limit, and allocates nothing") {
  const auto counted = counted_host_memory();
  const auto limited = std::make_shared<LimitedMemory>(counted, std::size_t{3} << 20);
  const Context context(Device{}, {limited, nullptr});
  const Buffer first(context, std::size_t{2} << 20);
  DCGAN_CHECK_FAILS(Buffer(context, std::size_t{2} << 20), ErrorKind::unavailable,
                    "need 2.0 MiB, free 1.0 of 3.0 MiB");
  CHECK(counted->live() == 1);
  const Buffer rest(context, std::size_t{1} << 20);  // the limit itself can be reached
  CHECK(free_bytes(context) == 0);
}

TEST_CASE(
    "a memory limit counts the bytes in use and their peak, and can be used again after a "
    "release") {
  const auto limited = std::make_shared<LimitedMemory>(default_memory({}).device, 1000);
  {
    const Buffer a(limited, 600);
    const Buffer b(limited, 400);
  }
  const Buffer c(limited, 700);
  CHECK(limited->used_bytes() == 700);
  CHECK(limited->peak_bytes() == 1000);
  CHECK(limited->free_bytes() == std::size_t{300});
}

TEST_CASE("an allocation that upstream refuses does not count towards the limit") {
  const auto inner = std::make_shared<LimitedMemory>(default_memory({}).device, 100);
  const auto outer = std::make_shared<LimitedMemory>(inner, 1000);
  DCGAN_CHECK_FAILS(Buffer(outer, 200), ErrorKind::unavailable, "need");
  CHECK(outer->used_bytes() == 0);
  CHECK(outer->free_bytes() == std::size_t{100});
}

TEST_CASE("a size that would wrap the count of a limit is refused") {
  const auto limited = std::make_shared<LimitedMemory>(default_memory({}).device, 1000);
  const Buffer some(limited, 10);
  const std::size_t most = std::numeric_limits<std::size_t>::max();
  DCGAN_CHECK_FAILS(Buffer(limited, most), ErrorKind::unavailable, std::to_string(most));
}

TEST_CASE("free_bytes is the resource's answer, or the device's where the resource has none") {
  const auto limited = std::make_shared<LimitedMemory>(default_memory({}).device, 1000);
  CHECK(free_bytes(Context(Device{}, {limited, nullptr})) == 1000);
  // A CountingMemory cannot tell.
  CHECK(free_bytes(Context(Device{}, {counted_host_memory(), nullptr})) > 1000);
}
