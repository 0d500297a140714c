// Collectives of one rank on a GPU: enqueued on the context's stream, and part of a capture.
#include "runtime/comm/local_communicator.h"

#include "runtime/device/graph.h"
#include "runtime/device/memory.h"
#include "tests/emulator/runtime/simulation.h"
#include "tests/support/catch.h"

using namespace dcgan;

namespace {

constexpr Device kGpu{DeviceType::cuda, 0};

TensorView floats(const Buffer& buffer) {
  return {buffer.data(), {static_cast<std::int64_t>(buffer.bytes() / sizeof(float))}, DType::f32};
}

}  // namespace

TEST_CASE("a gather on a GPU runs after the operation that wrote its input") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    emulator::reset(seed);
    const Context context(kGpu);
    LocalCommunicator one;
    const Buffer from(context, sizeof(float));
    const Buffer to(context, sizeof(float));
    fill_zero(context, floats(from));
    one.all_gather(context, floats(from), floats(to));
    float value = 1;
    download(context, floats(to), TensorView(&value, {1}));
    CHECK(value == 0);
  }
}

TEST_CASE("collectives of one rank may be captured, and a gather is one node") {
  emulator::reset(1);
  const Context context(kGpu);
  LocalCommunicator one;
  const Buffer from(context, sizeof(float));
  const Buffer to(context, sizeof(float));
  const Graph graph(context, [&] {
    one.all_reduce(context, floats(from), ReduceOp::sum);
    one.broadcast(context, floats(from), 0);
    one.all_gather(context, floats(from), floats(to));
  });
  CHECK(graph.size().nodes == 1);
}
