// What NCCL leaves undefined must be reported by its stand-in, with ranks and calls.
#include <nccl.h>

#include "tests/runtime/comm/emulated/nccl_ranks.h"

using namespace dcgan;
using namespace dcgan::test;

namespace {

std::string all_reports() {
  std::string all;
  for (const std::string& report : emulator::nccl::reports()) all += report + "\n";
  return all;
}

// Rank 1 does something else than rank 0 in its second collective. Both must hear of it.
std::string reports_of(const std::function<void(const Rank&, const Buffer&)>& second,
                       const std::function<void(const Rank&, const Buffer&)>& other) {
  reset_ranks(2, 1);
  const auto outcomes = run_ranks(2, {.timeout_seconds = 5}, [&](const Rank& rank) {
    const Buffer values = filled(rank.context, 4, 1);
    rank.communicator.all_reduce(rank.context, view(values), ReduceOp::sum);
    (rank.index == 1 ? other : second)(rank, values);
    rank.communicator.watch(rank.context);
    rank.context.synchronize();
    for (int i = 0; i < 1000 && !rank.communicator.aborted(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));  // the watchdog sees it
    }
    rank.communicator.check();
  });
  for (const Outcome& outcome : outcomes) {
    CAPTURE(outcome.text);
    REQUIRE(outcome.kind.has_value());
    CHECK(*outcome.kind == ErrorKind::peer_lost);
  }
  return all_reports();
}

void sum(const Rank& rank, const Buffer& values) {
  rank.communicator.all_reduce(rank.context, view(values), ReduceOp::sum);
}

// A communicator of one rank, by NCCL's own functions.
struct RawCommunicator {
  RawCommunicator() {
    ncclUniqueId id;
    ncclGetUniqueId(&id);
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    REQUIRE(ncclCommInitRankConfig(&handle, 1, id, 0, &config) == ncclInProgress);
    REQUIRE(wait() == ncclSuccess);
  }
  ncclResult_t wait() const {
    ncclResult_t state = ncclInProgress;
    while (state == ncclInProgress) {
      if (const ncclResult_t result = ncclCommGetAsyncError(handle, &state); result != ncclSuccess)
        return result;
    }
    return state;
  }
  ncclComm_t handle = nullptr;
};

}  // namespace

TEST_CASE("a collective that differs between ranks is reported") {
  CHECK_THAT(reports_of(sum,
                        [](const Rank& rank, const Buffer& values) {
                          rank.communicator.all_reduce(rank.context, view(values).rows(0, 3),
                                                       ReduceOp::sum);
                        }),
             Contains("#2 all_reduce of") && Contains("of 4 f32 (sum)") && Contains("of 3 f32"));
  CHECK_THAT(reports_of(sum,
                        [](const Rank& rank, const Buffer& values) {
                          rank.communicator.all_reduce(rank.context, view(values, DType::i32),
                                                       ReduceOp::sum);
                        }),
             Contains("of 4 f32 (sum)") && Contains("of 4 i32 (sum)"));
  CHECK_THAT(reports_of(sum,
                        [](const Rank& rank, const Buffer& values) {
                          rank.communicator.all_reduce(rank.context, view(values), ReduceOp::max);
                        }),
             Contains("(sum)") && Contains("(max)"));
  CHECK_THAT(reports_of(sum,
                        [](const Rank& rank, const Buffer& values) {
                          rank.communicator.broadcast(rank.context, view(values), 0);
                        }),
             Contains("all_reduce of 4") && Contains("broadcast of 4 f32 from 0"));
  CHECK_THAT(reports_of(
                 [](const Rank& rank, const Buffer& values) {
                   rank.communicator.broadcast(rank.context, view(values), 0);
                 },
                 [](const Rank& rank, const Buffer& values) {
                   rank.communicator.broadcast(rank.context, view(values), 1);
                 }),
             Contains("from 0") && Contains("from 1"));
}

TEST_CASE("a replay that differs between ranks is reported") {
  const auto replay = [](ReduceOp op) {
    return [op](const Rank& rank, const Buffer& values) {
      const Graph graph(rank.context,
                        [&] { rank.communicator.all_reduce(rank.context, view(values), op); });
      graph.launch(rank.context);
      rank.context.synchronize();
    };
  };
  CHECK_THAT(reports_of(replay(ReduceOp::min), replay(ReduceOp::max)),
             Contains("#2") && Contains("(min)") && Contains("(max)"));
}

TEST_CASE("a collective that some ranks do not call is reported when they have finished") {
  reset_ranks(3, 1);
  const auto outcomes = run_ranks(3, {.timeout_seconds = 5}, [](const Rank& rank) {
    const Buffer values = filled(rank.context, 4, 1);
    sum(rank, values);
    if (rank.index == 1) return;
    sum(rank, values);
    rank.context.synchronize();
  });
  CHECK_THAT(all_reports(),
             Contains("#2 all_reduce of 4 f32 (sum)") && Contains("rank 1 has finished after #1"));
  for (const Outcome& outcome : outcomes) CHECK(outcome.kind.has_value());
}

TEST_CASE("a collective that some ranks do not call is reported when patience ends") {
  reset_ranks(3, 1);
  emulator::set_patience(0.2);
  const auto outcomes = run_ranks(3, {.timeout_seconds = 20}, [](const Rank& rank) {
    const Buffer values = filled(rank.context, 4, 1);
    if (rank.index == 2) {
      while (emulator::nccl::reports().empty()) std::this_thread::yield();
      return;
    }
    sum(rank, values);
    rank.context.synchronize();
  });
  CHECK_THAT(all_reports(),
             Contains("waited too long for #1 all_reduce of 4 f32 (sum): rank 0 waits in it; rank "
                      "1 waits in it; rank 2 has not called it"));
  for (const Outcome& outcome : outcomes) CHECK(outcome.kind == ErrorKind::peer_lost);
}

TEST_CASE("a communicator that ends before the graphs that hold its collectives is reported") {
  reset_ranks(1, 1);
  const Context context({DeviceType::cuda, 0});
  const Buffer values = filled(context, 4, 1);
  std::optional<Graph> graph;
  const auto outcomes = run_ranks(
      1, {}, [&](const Rank& rank) { graph.emplace(rank.context, [&] { sum(rank, values); }); });
  CHECK(outcomes[0].kind == ErrorKind::internal);
  CHECK_THAT(all_reports(), Contains("finalized while graphs hold 1 of its collectives"));
  graph->launch(context);
  context.synchronize();
  CHECK_THAT(all_reports(), Contains("a replay of all_reduce of 4 f32 (sum) after"));
}

TEST_CASE("calls after the end of a communicator, or before the last is done, are reported") {
  reset_ranks(1, 1);
  const Context context({DeviceType::cuda, 0});
  const Buffer values = filled(context, 4, 1);
  const auto call = [&](ncclComm_t communicator) {
    return ncclAllReduce(values.data(), values.data(), 4, ncclFloat32, ncclSum, communicator,
                         context.stream());
  };
  RawCommunicator raw;
  while (call(raw.handle) != ncclInProgress) continue;
  CHECK(call(raw.handle) == ncclInvalidUsage);
  CHECK_THAT(all_reports(), Contains("called while another call is in progress"));
  CHECK(ncclCommAbort(raw.handle) == ncclSuccess);
  CHECK(call(raw.handle) == ncclInvalidArgument);
  CHECK(ncclCommAbort(raw.handle) == ncclInvalidArgument);
  CHECK_THAT(all_reports(), Contains("ncclAllReduce after the communicator's end") &&
                                Contains("ncclCommAbort after the communicator's end"));
}

TEST_CASE("two threads in one communicator are reported") {
  reset_ranks(1, 1);
  RawCommunicator raw;
  std::atomic<bool> second{false};
  emulator::nccl::on_call([&](const char*) {
    if (second.exchange(true)) return;
    std::thread([&] {
      ncclResult_t state = ncclSuccess;
      ncclCommGetAsyncError(raw.handle, &state);
    }).join();
  });
  (void)raw.wait();
  CHECK_THAT(all_reports(),
             Contains("ncclCommGetAsyncError while another thread is inside a call"));
  emulator::nccl::on_call(nullptr);
  CHECK(ncclCommAbort(raw.handle) == ncclSuccess);
}

TEST_CASE("memory and streams of another GPU, blocking calls and an early destroy are reported") {
  reset_ranks(2, 1);
  const Context other({DeviceType::cuda, 1});
  const Buffer elsewhere = filled(other, 4, 1);
  const Context context({DeviceType::cuda, 0});
  const Buffer values = filled(context, 4, 1);
  const auto reported = [](const auto& call) {
    emulator::nccl::reset(1);
    RawCommunicator raw;
    call(raw.handle);
    ncclCommAbort(raw.handle);
    return all_reports();
  };
  CHECK_THAT(reported([&](ncclComm_t nccl) {
               ncclAllReduce(values.data(), values.data(), 4, ncclFloat32, ncclSum, nccl,
                             other.stream());
             }),
             Contains("a stream of another device"));
  CHECK_THAT(reported([&](ncclComm_t nccl) {
               ncclAllReduce(elsewhere.data(), values.data(), 4, ncclFloat32, ncclSum, nccl,
                             context.stream());
             }),
             Contains("do not lie in memory of device 0"));
  CHECK_THAT(reported([&](ncclComm_t nccl) {
               ncclAllReduce(values.data(), values.data(), 5, ncclFloat32, ncclSum, nccl,
                             context.stream());
             }),
             Contains("20 bytes that do not lie"));
  CHECK_THAT(reported([](ncclComm_t nccl) { ncclCommDestroy(nccl); }),
             Contains("destroyed before it has finished"));
  emulator::nccl::reset(1);
  ncclUniqueId id;
  ncclGetUniqueId(&id);
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  ncclComm_t blocking = nullptr;
  CHECK(ncclCommInitRankConfig(&blocking, 1, id, 0, &config) == ncclInvalidArgument);
  CHECK_THAT(all_reports(), Contains("calls may block"));
}
