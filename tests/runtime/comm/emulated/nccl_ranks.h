// Ranks as threads, each with an emulated GPU, connected by NcclCommunicator and the stand-in for
// NCCL.
#pragma once

#include <cuda_emulator.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "runtime/comm/nccl/nccl.h"
#include "runtime/device/event.h"
#include "runtime/device/graph.h"
#include "runtime/device/memory.h"
#include "tests/emulator/grid/grid.h"
#include "tests/emulator/nccl/nccl_simulation.h"
#include "tests/emulator/runtime/simulation.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

namespace dcgan::test {

/// How a rank's thread ended. No kind: without an error.
struct Outcome {
  std::optional<ErrorKind> kind;
  std::string text;
};

/// One rank inside run_ranks.
struct Rank {
  int index;
  int world;
  const Context& context;
  Communicator& communicator;
};

struct RankOptions {
  std::uint64_t seed = 1;
  double timeout_seconds = 60;
  std::function<int(int)> device_of = [](int rank) { return rank; };
};

/// Resets both simulations for a test of `world` ranks.
inline void reset_ranks(int world, std::uint64_t seed) {
  emulator::reset(seed);
  emulator::nccl::reset(seed);
  emulator::pretend({.devices = world});
}

/// A thread for each rank: connects, calls body, finishes. Outcomes by rank. Catch's assertions are
/// for the thread of the test alone: body throws, or leaves values for later.
inline std::vector<Outcome> run_ranks(int world, const RankOptions& options,
                                      const std::function<void(const Rank&)>& body) {
  const NcclId id = make_nccl_id();
  std::vector<Outcome> outcomes(static_cast<std::size_t>(world));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < world; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        const Context context({DeviceType::cuda, options.device_of(rank)});
        const std::unique_ptr<Communicator> communicator =
            connect_nccl(context, {rank, world}, id, options.timeout_seconds);
        body({rank, world, context, *communicator});
        communicator->finish();
        communicator->check();  // whether it ended otherwise
      } catch (const Error& error) {
        outcomes[static_cast<std::size_t>(rank)] = {error.kind(), error.what()};
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return outcomes;
}

/// What went wrong; empty: nothing.
inline std::string failures(const std::vector<Outcome>& outcomes) {
  std::string all;
  for (const Outcome& one : outcomes) all += one.kind ? one.text + "\n" : "";
  for (const std::string& report : emulator::nccl::reports()) all += "report: " + report + "\n";
  return all;
}

inline TensorView view(const Buffer& buffer, DType dtype = DType::f32) {
  return {buffer.data(), {static_cast<std::int64_t>(buffer.bytes() / size_of(dtype))}, dtype};
}

inline std::vector<float> read(const Context& context, const Buffer& buffer) {
  std::vector<float> values(buffer.bytes() / sizeof(float));
  download(context, view(buffer), {values.data(), {static_cast<std::int64_t>(values.size())}});
  return values;
}

/// A buffer of `count` floats, all of them `value`.
inline Buffer filled(const Context& context, std::size_t count, float value) {
  Buffer buffer(context, count * sizeof(float));
  const std::vector<float> values(count, value);
  upload(context, ConstTensorView(values.data(), {static_cast<std::int64_t>(count)}), view(buffer));
  return buffer;
}

/// to[i] = from[i] * factor + term for up to 8 elements, as a kernel with a barrier: its blocks
/// are run by whichever rank's thread waits for something.
inline void scale_and_add(const Context& context, const Buffer& from, float factor, float term,
                          const Buffer& to) {
  const auto* x = reinterpret_cast<const float*>(from.data());
  auto* y = reinterpret_cast<float*>(to.data());
  const std::size_t count = to.bytes() / sizeof(float);
  const auto kernel = [=] {
    DCGAN_SHARED(float, staged, [8]);
    const unsigned i = threadIdx.x;
    const unsigned mirrored = 7 - i;
    if (mirrored < count) staged[mirrored] = x[mirrored];
    __syncthreads();
    if (i < count) y[i] = staged[i] * factor + term;
  };
  emulator::enqueue(context.stream(), "scale_and_add", [=] {
    emulator::run_grid({"scale_and_add", dim3(1), dim3(8)}, kernel);
  });
}

}  // namespace dcgan::test
