// Memory resources of a GPU: the device's own, and a caller's in their place.
#include "runtime/device/memory_resource.h"

#include <string>

#include "runtime/device/limited_memory.h"
#include "runtime/device/memory.h"
#include "runtime/device/memory_plan.h"
#include "tests/emulator/runtime/simulation.h"
#include "tests/runtime/device/counting_memory.h"
#include "tests/support/catch.h"

using namespace dcgan;
using test::CountingMemory;

namespace {

constexpr Device kGpu{DeviceType::cuda, 0};

std::shared_ptr<CountingMemory> counted(const std::shared_ptr<MemoryResource>& upstream) {
  return std::make_shared<CountingMemory>(upstream);
}

MemoryPlan plan_of_two_slots() {
  MemoryPlan plan;
  plan.add("weights", {100}, DType::f32);
  plan.add("image", {3, 5}, DType::u8);
  plan.assign();
  return plan;
}

}  // namespace

TEST_CASE("all memory of a GPU context comes from the caller's resources and returns to them") {
  emulator::reset(1);
  const emulator::Live before = emulator::live();
  const auto device = counted(default_memory(kGpu).device);
  const auto pinned = counted(default_memory(kGpu).pinned);
  {
    const Context context(kGpu, {device, pinned});
    const Buffer buffer(context, 1000);
    const Buffer staging(context, 500, MemoryKind::pinned);
    const Arena arena(context, plan_of_two_slots());
    CHECK(device->live_bytes() == 1000 + plan_of_two_slots().bytes());
    CHECK(pinned->live_bytes() == 500);
    // Nothing else was allocated on the device.
    CHECK(emulator::live().bytes - before.bytes == device->live_bytes() + pinned->live_bytes());
  }
  CHECK(device->live() + pinned->live() == 0);
  CHECK(device->wrong_releases() + pinned->wrong_releases() == 0);
  CHECK(emulator::live() == before);
}

TEST_CASE("values are unchanged by copies through a caller's pinned and device memory") {
  emulator::reset(1);
  const MemoryResources own = default_memory(kGpu);
  const Context context(kGpu, {counted(own.device), counted(own.pinned)});
  const Buffer staging(context, 4, MemoryKind::pinned);
  const Buffer buffer(context, 4);
  *reinterpret_cast<float*>(staging.data()) = 2.5f;
  enqueue_upload(context, ConstTensorView(staging.data(), {1}, DType::f32),
                 TensorView(buffer.data(), {1}, DType::f32));
  float value = 0;
  download(context, ConstTensorView(buffer.data(), {1}, DType::f32), TensorView(&value, {1}));
  CHECK(value == 2.5f);
}

TEST_CASE("without a caller's resource for pinned memory the device's own is used") {
  emulator::reset(1);
  const auto device = counted(default_memory(kGpu).device);
  const Context context(kGpu, {device, nullptr});
  const Buffer staging(context, 500, MemoryKind::pinned);
  CHECK(staging.data() != nullptr);
  CHECK(device->allocations() == 0);
}

TEST_CASE(
    "an allocation beyond a limit on a GPU fails with need and free, and the GPU still works") {
  emulator::reset(1);
  const auto limited =
      std::make_shared<LimitedMemory>(default_memory(kGpu).device, std::size_t{3} << 20);
  const Context context(kGpu, {limited, nullptr});
  CHECK(free_bytes(context) == std::size_t{3} << 20);
  CHECK_THROWS_WITH(Buffer(context, std::size_t{4} << 20),
                    Contains("need 4.0 MiB, free 3.0 of 3.0 MiB"));
  const Buffer small(context, 16);
  CHECK(small.data() != nullptr);
}

TEST_CASE("free_bytes of a GPU is what cudaMalloc can still allocate on the context's GPU") {
  emulator::reset(1);
  emulator::pretend({.memory_bytes = std::size_t{8} << 20});
  const Context first(kGpu);
  const Context second(Device{DeviceType::cuda, 1});
  const Buffer buffer(second, std::size_t{2} << 20);
  CHECK(free_bytes(first) == std::size_t{8} << 20);
  CHECK(free_bytes(second) == std::size_t{6} << 20);
  // Without an answer from the caller's resource the device's is taken.
  CHECK(free_bytes(Context(kGpu, {counted(default_memory(kGpu).device), nullptr})) == std::size_t{8}
                                                                                          << 20);
  emulator::reset(1);
}

TEST_CASE("pinned memory that the host refuses is an error with size and GPU") {
  emulator::reset(1);
  const Context context(kGpu);
  emulator::fail_at(emulator::Fault::allocation, 1);
  CHECK_THROWS_WITH(Buffer(context, 16, MemoryKind::pinned),
                    Contains("refused to pin 16 bytes") && Contains("cuda:0"));
}

TEST_CASE("allocating on one GPU leaves the thread's current GPU as it was") {
  emulator::reset(1);
  const Context second(Device{DeviceType::cuda, 1});
  const Context first(kGpu);  // current now
  const Buffer buffer(second, 16);
  int current = -1;
  REQUIRE(cudaGetDevice(&current) == cudaSuccess);
  CHECK(current == 0);
}
