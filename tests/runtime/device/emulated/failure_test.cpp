// Failures: every call of a small program is made to fail in turn; each must end in an Error with
// the right kind, and leave nothing allocated.
#include <sys/wait.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "runtime/device/cuda/runtime.h"
#include "runtime/device/event.h"
#include "runtime/device/graph.h"
#include "runtime/device/memory.h"
#include "tests/emulator/runtime/simulation.h"
#include "tests/support/catch.h"

using namespace dcgan;

namespace {

constexpr Device kGpu{DeviceType::cuda, 0};

void launch_twice(const Context& context, const Buffer& buffer) {
  auto* x = reinterpret_cast<float*>(buffer.data());
  for (int i = 0; i < 2; ++i) {
    const cudaError_t status =
        emulator::enqueue_kernel(context.stream(), "add", [=] { x[0] += 1; });
    if (status != cudaSuccess) fail(ErrorKind::internal, "launch refused");
  }
}

// Allocates, copies, captures, replays, reads back.
float small_program() {
  const Context context(kGpu);
  const Buffer staging(context, sizeof(float), MemoryKind::pinned);
  const Buffer a(context, sizeof(float));
  const Buffer b(context, sizeof(float));
  const TensorView x(a.data(), {1}, DType::f32);
  const TensorView y(b.data(), {1}, DType::f32);
  fill_zero(context, x);
  const Graph graph(context, [&] {
    launch_twice(context, a);
    copy(context, x, y);
  });
  graph.launch(context);
  graph.launch(context);
  float value = 0;
  download(context, y, TensorView(&value, {1}));
  return value;
}

// Fails the first call, the second, ... until the program passes; returns how many failed.
int fail_each_call(emulator::Fault fault, ErrorKind expected) {
  for (int count = 1;; ++count) {
    emulator::reset(1);
    const emulator::Live before = emulator::live();
    emulator::fail_at(fault, count);
    try {
      const float value = small_program();
      CHECK(value == 4.0f);
      return count - 1;
    } catch (const Error& error) {
      INFO(error.what());
      CHECK(error.kind() == expected);
    }
    emulator::reset(1);  // a broken device cannot free; a process would end here
    CHECK((fault == emulator::Fault::execution || emulator::live() == before));
    REQUIRE(count < 100);
  }
}

}  // namespace

TEST_CASE("every failing allocation is reported as unavailable and leaks nothing") {
  // Pinned, two buffers, the executable graph.
  CHECK(fail_each_call(emulator::Fault::allocation, ErrorKind::unavailable) == 4);
}

TEST_CASE("every refused launch is reported and leaks nothing") {
  // Two kernels, two replays.
  CHECK(fail_each_call(emulator::Fault::launch, ErrorKind::internal) == 4);
}

TEST_CASE("every refused copy is reported and leaks nothing") {
  // Memset, copy, download.
  CHECK(fail_each_call(emulator::Fault::copy, ErrorKind::internal) == 3);
}

TEST_CASE(
    "a device that breaks during execution is reported where the host waits and at every later "
    "call") {
  emulator::reset(1);
  const Context context(kGpu);
  const Buffer a(context, sizeof(float));
  const TensorView x(a.data(), {1}, DType::f32);
  emulator::fail_at(emulator::Fault::execution, 1);
  fill_zero(context, x);
  CHECK_THROWS_WITH(context.synchronize(), Contains("injected into memset"));
  CHECK_THROWS_WITH(fill_zero(context, x), Contains("injected into memset"));
  emulator::reset(1);
}

TEST_CASE("an allocation larger than the device's memory fails with need and free") {
  emulator::reset(1);
  const Context context(kGpu);
  CHECK_THROWS_WITH(Buffer(context, std::size_t{5000} << 20),
                    Contains("need 5000.0 MiB, free") && Contains("of 4096.0 MiB"));
  const Buffer small(context, 256);  // the device is not broken
  CHECK(small.data() != nullptr);
}

TEST_CASE("copies outside an allocation or in the wrong direction are refused") {
  emulator::reset(1);
  const Context context(kGpu);
  const Buffer a(context, 8);
  float host[4] = {};
  const TensorView four(a.data(), {4}, DType::f32);
  CHECK_THROWS_WITH(upload(context, ConstTensorView(host, {4}), four), Contains("16 bytes"));
  CHECK_THROWS_WITH(
      cuda::copy_bytes(context.stream(), host, host + 2, 8, cuda::CopyKind::host_to_device),
      Contains("device memory"));
}

TEST_CASE("a GPU that cannot be used is refused with versions or number of GPUs, and a remedy") {
  emulator::reset(1);
  emulator::pretend(
      {.devices = 0, .driver_version = 0, .count_error = cudaErrorInsufficientDriver});
  CHECK_THROWS_WITH(cuda::require_device(0),
                    Contains("no NVIDIA driver") && Contains("--device cpu"));
  emulator::pretend(
      {.devices = 0, .driver_version = 11040, .count_error = cudaErrorInsufficientDriver});
  CHECK_THROWS_WITH(cuda::require_device(0), Contains("serves CUDA 11.4") && Contains("needs"));
  emulator::pretend({.devices = 0, .count_error = cudaErrorNoDevice});
  CHECK_THROWS_WITH(cuda::require_device(0), Contains("shows no GPU"));
  CHECK(cuda::device_count() == 0);
  emulator::pretend({.devices = 2});
  CHECK_THROWS_WITH(cuda::require_device(2), Contains("cuda:2: there are 2 GPUs"));
  CHECK_THROWS_WITH(cuda::require_device(-1), Contains("counted from 0"));
  CHECK_NOTHROW(cuda::require_device(1));
  CHECK(cuda::describe_device(1).name == "emulated device");
  emulator::reset(1);
}

TEST_CASE("CUDA called from a host function is refused") {
  emulator::reset(1);
  const Context context(kGpu);
  static cudaError_t seen;
  seen = cudaSuccess;
  const cudaHostFn_t function = [](void* stream) {
    seen = cudaStreamSynchronize(static_cast<cudaStream_t>(stream));
  };
  REQUIRE(cudaLaunchHostFunc(context.stream(), function, context.stream()) == cudaSuccess);
  context.synchronize();
  CHECK(seen == cudaErrorNotPermitted);
}

namespace {

// Runs this program's hidden case `tag` in a process of its own; gives its exit status.
int run_apart(const std::string& environment, const std::string& tag) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  const int status =
      std::system((environment + " '" + self + "' '" + tag + "' >/dev/null 2>&1").c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

constexpr int kLeakStatus = 70;

}  // namespace

TEST_CASE("leaks a buffer", "[.leak]") {
  void* data = nullptr;
  REQUIRE(cudaMalloc(&data, 16) == cudaSuccess);
}

TEST_CASE("allocates twice", "[.allocations]") {
  const Context context(kGpu);
  const Buffer first(context, 16);
  const Buffer second(context, 16);
}

TEST_CASE("memory that is not released at exit fails the process") {
  CHECK(run_apart("", "[.leak]") == kLeakStatus);
  CHECK(run_apart("DCGAN_EMULATOR_LEAKS=ignore", "[.leak]") == 0);
  CHECK(run_apart("", "[.allocations]") == 0);
}

TEST_CASE("injected failures, number of devices and memory are set by the environment") {
  CHECK(run_apart("DCGAN_EMULATOR_FAIL=allocation:2", "[.allocations]") == 1);
  CHECK(run_apart("DCGAN_EMULATOR_FAIL=allocation:3,launch:1", "[.allocations]") == 0);
  CHECK(run_apart("DCGAN_EMULATOR_MEMORY_MIB=0", "[.allocations]") == 1);
  CHECK(run_apart("DCGAN_EMULATOR_DEVICES=0", "[.allocations]") == 1);
  CHECK(run_apart("DCGAN_EMULATOR_FAIL=allocation", "[.allocations]") == 78);
  CHECK(run_apart("DCGAN_EMULATOR_SEED=x", "[.allocations]") == 78);
}
