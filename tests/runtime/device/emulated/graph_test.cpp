// Capture and replay: what CUDA allows, what it refuses, and the bugs that graphs invite.
#include <cstdint>
#include <functional>
#include <optional>
#include <thread>

#include "runtime/device/event.h"
#include "runtime/device/graph.h"
#include "runtime/device/memory.h"
#include "tests/emulator/runtime/simulation.h"
#include "tests/support/catch.h"

using namespace dcgan;

namespace {

constexpr Device kGpu{DeviceType::cuda, 0};
constexpr std::uint64_t kSeeds = 10;

TensorView floats(const Buffer& buffer) {
  return {buffer.data(), {static_cast<std::int64_t>(buffer.bytes() / sizeof(float))}, DType::f32};
}

template <class Body>
void kernel(const Context& context, const Body& body) {
  REQUIRE(emulator::enqueue_kernel(context.stream(), "kernel", body) == cudaSuccess);
}

float* pointer(const Buffer& buffer) { return reinterpret_cast<float*>(buffer.data()); }

float read(const Context& context, const Buffer& buffer) {
  float value = 0;
  download(context, floats(buffer).rows(0, 1), TensorView(&value, {1}));
  return value;
}

ErrorKind kind_of_failure(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.kind();
  }
  FAIL("nothing was thrown");
  return ErrorKind::usage;
}

}  // namespace

TEST_CASE("captured operations run once for each replay and not at the capture") {
  emulator::reset(1);
  const Context context(kGpu);
  const Buffer a(context, sizeof(float));
  fill_zero(context, floats(a));
  float* x = pointer(a);
  const Graph graph(context, [&] {
    kernel(context, [=] { x[0] = x[0] * 2; });
    kernel(context, [=] { x[0] = x[0] + 1; });
  });
  CHECK(graph.size().nodes == 2);
  CHECK(read(context, a) == 0.0f);
  for (int i = 0; i < 3; ++i) graph.launch(context);
  CHECK(read(context, a) == 7.0f);
}

TEST_CASE("a graph knows how many of its operations are kernels") {
  emulator::reset(1);
  const Context context(kGpu);
  const Buffer a(context, sizeof(float));
  const Buffer b(context, sizeof(float));
  float* x = pointer(a);
  const Graph graph(context, [&] {
    fill_zero(context, floats(a));
    kernel(context, [=] { x[0] = x[0] + 1; });
    copy(context, floats(a), floats(b));
  });
  CHECK(graph.size().nodes == 3);
  CHECK(graph.size().kernels == 1);
}

TEST_CASE("a fork and a join inside a capture keep their order in every replay") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    emulator::reset(seed);
    const Context context(kGpu);
    const Context side(kGpu);
    const Buffer a(context, 3 * sizeof(float));
    float* x = pointer(a);
    Event fork(context);
    Event join(context);
    const Graph graph(context, [&] {
      kernel(context, [=] { x[0] = 1; });
      fork.record(context);
      fork.wait_on(side);
      kernel(side, [=] { x[1] = x[0] + 1; });
      join.record(side);
      kernel(context, [=] { x[2] = x[0] + 10; });
      join.wait_on(context);
      kernel(context, [=] { x[0] = x[1] + x[2]; });
    });
    CHECK(graph.size().nodes == 4);
    graph.launch(context);
    CHECK(read(context, a) == 13.0f);
  }
}

TEST_CASE("planted bug: a captured branch that does not wait for its fork gives wrong numbers") {
  int wrong = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    emulator::reset(seed);
    const Context context(kGpu);
    const Context side(kGpu);
    const Buffer a(context, 2 * sizeof(float));
    float* x = pointer(a);
    Event fork(context);
    Event join(context);
    const Graph graph(context, [&] {
      fork.record(context);  // too early: before the value that the branch reads
      kernel(context, [=] { x[0] = 1; });
      fork.wait_on(side);
      kernel(side, [=] { x[1] = x[0] + 1; });
      join.record(side);
      join.wait_on(context);
      kernel(context, [=] { x[0] = x[1]; });
    });
    graph.launch(context);
    if (read(context, a) != 2.0f) ++wrong;
  }
  CHECK(wrong > 0);
}

TEST_CASE("a captured branch that is not joined is refused") {
  emulator::reset(1);
  const Context context(kGpu);
  const Context side(kGpu);
  Event fork(context);
  CHECK(kind_of_failure([&] {
          const Graph graph(context, [&] {
            kernel(context, [] {});
            fork.record(context);
            fork.wait_on(side);
            kernel(side, [] {});
          });
        }) == ErrorKind::internal);
  kernel(side, [] {});  // both streams work again
  side.synchronize();
}

TEST_CASE("an allocation during capture is refused, and the stream can be used afterwards") {
  emulator::reset(1);
  const Context context(kGpu);
  const Buffer a(context, sizeof(float));
  CHECK_THROWS_WITH(Graph(context,
                          [&] {
                            fill_zero(context, floats(a));
                            const Buffer late(context, 16);
                          }),
                    Contains("during a capture") && Contains("cudaMalloc"));
  fill_zero(context, floats(a));
  CHECK(read(context, a) == 0.0f);
}

TEST_CASE("synchronising and querying during capture are refused") {
  emulator::reset(1);
  const Context context(kGpu);
  const Buffer a(context, sizeof(float));
  Event event(context);
  const auto refused = [&](const std::function<void()>& forbidden) {
    return kind_of_failure([&] {
             const Graph graph(context, [&] {
               fill_zero(context, floats(a));
               event.record(context);
               forbidden();
             });
           }) == ErrorKind::internal;
  };
  CHECK(refused([&] { context.synchronize(); }));
  CHECK(refused([&] { event.synchronize(); }));
  CHECK(refused([&] { (void)event.is_done(); }));
  CHECK(refused([&] { (void)read(context, a); }));
}

TEST_CASE("a forbidden call whose error is ignored still invalidates the capture") {
  emulator::reset(1);
  const Context context(kGpu);
  const Buffer a(context, sizeof(float));
  CHECK_THROWS_WITH(Graph(context,
                          [&] {
                            fill_zero(context, floats(a));
                            (void)cudaStreamQuery(context.stream());
                          }),
                    Contains("forbidden"));
}

TEST_CASE("the default stream is refused while another is captured") {
  emulator::reset(1);
  const Context context(kGpu);
  const Buffer a(context, sizeof(float));
  CHECK_THROWS_AS(Graph(context,
                        [&] {
                          fill_zero(context, floats(a));
                          (void)cudaMemsetAsync(a.data(), 0, 4, nullptr);
                        }),
                  Error);
}

TEST_CASE("an empty capture and a capture on the CPU are refused") {
  emulator::reset(1);
  const Context context(kGpu);
  CHECK_THROWS_WITH(Graph(context, [] {}), Contains("nothing was enqueued"));
  const Context cpu{Device{}};
  CHECK_THROWS_WITH(Graph(cpu, [] {}), Contains("cpu has no graphs"));
}

TEST_CASE("an exception during a capture passes through and leaks nothing") {
  emulator::reset(1);
  const Context context(kGpu);
  const emulator::Live before = emulator::live();
  CHECK_THROWS_WITH(Graph(context, [] { fail(ErrorKind::config, "no such step"); }),
                    Contains("no such step"));
  CHECK(emulator::live() == before);
}

TEST_CASE("planted bug: a replay that uses freed memory breaks the device") {
  emulator::reset(1);
  const Context context(kGpu);
  std::optional<Buffer> a(std::in_place, context, sizeof(float));
  const Graph graph(context, [&] { fill_zero(context, floats(*a)); });
  a.reset();
  graph.launch(context);
  CHECK_THROWS_WITH(context.synchronize(), Contains("was freed before this ran"));
  CHECK_THROWS_AS(context.synchronize(), Error);  // sticky, as on a GPU
  emulator::reset(1);
}

TEST_CASE("other threads may allocate during a capture") {
  emulator::reset(1);
  const Context context(kGpu);
  const Buffer a(context, sizeof(float));
  const Graph graph(context, [&] {
    fill_zero(context, floats(a));
    std::thread([] {
      const Context other(kGpu);
      const Buffer b(other, 16);
    }).join();
  });
  CHECK(graph.size().nodes == 1);
}
