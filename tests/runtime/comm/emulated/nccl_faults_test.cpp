// NCCL's ranks on emulated GPUs: what a lost, late or mistaken rank does to the others.
#include <atomic>
#include <chrono>

#include "tests/runtime/comm/emulated/nccl_ranks.h"

using namespace dcgan;
using namespace dcgan::test;

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begun) {
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

void sleep_seconds(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

// A step of `collectives`, watched, and the wait for it.
void step(const Rank& rank, const Buffer& values, int collectives = 1) {
  for (int i = 0; i < collectives; ++i) {
    rank.communicator.all_reduce(rank.context, view(values), ReduceOp::sum);
  }
  rank.communicator.watch(rank.context);
  rank.context.synchronize();
  rank.communicator.check();
}

// Steps until the connection ends.
void steps_without_end(const Rank& rank) {
  const Buffer values = filled(rank.context, 4, 1);
  while (true) {
    step(rank, values);
    sleep_seconds(0.001);
  }
}

void check_lost(const Outcome& outcome, const std::string& text) {
  CAPTURE(outcome.text);
  REQUIRE(outcome.kind.has_value());
  CHECK(*outcome.kind == ErrorKind::peer_lost);
  CHECK_THAT(outcome.text, Contains(text));
}

std::string all_reports() {
  std::string all;
  for (const std::string& report : emulator::nccl::reports()) all += report + "\n";
  return all;
}

}  // namespace

TEST_CASE("a rank that is killed ends the others, who name the collective") {
  for (const int world : {2, 3, 8}) {
    reset_ranks(world, 1);
    emulator::nccl::lose(1, 3);
    const auto begun = Clock::now();
    const auto outcomes = run_ranks(world, {.timeout_seconds = 1}, steps_without_end);
    CHECK(seconds_since(begun) < 10);
    for (int rank = 0; rank < world; ++rank) {
      const Outcome& outcome = outcomes[static_cast<std::size_t>(rank)];
      check_lost(outcome, "last collectives: #3 all_reduce");
      check_lost(outcome, fmt::format("rank {} of {}", rank, world));
      if (rank != 1) check_lost(outcome, "connection closed by rank 1 in #3 all_reduce of 4 f32");
    }
    CHECK(all_reports() == "");
  }
}

TEST_CASE("a rank that stops ends the others within the time limit, which they name") {
  reset_ranks(3, 1);
  emulator::nccl::stall(2, 4);
  const auto begun = Clock::now();
  const auto outcomes = run_ranks(3, {.timeout_seconds = 0.5}, steps_without_end);
  CHECK(seconds_since(begun) < 10);
  for (const Outcome& outcome : outcomes) {
    check_lost(outcome, "work enqueued up to collective #4 is not done after 0.5 s (limit 0.5 s)");
    check_lost(outcome, "#4 all_reduce");
  }
}

TEST_CASE("the first watched work has five times the time limit") {
  reset_ranks(2, 1);
  emulator::nccl::stall(1, 1);
  const auto begun = Clock::now();
  const auto outcomes = run_ranks(2, {.timeout_seconds = 0.2}, steps_without_end);
  CHECK(seconds_since(begun) > 1);
  for (const Outcome& outcome : outcomes) check_lost(outcome, "(limit 1 s)");
}

TEST_CASE("replays that wait for a lost rank end, too") {
  reset_ranks(2, 5);
  emulator::nccl::stall(1, 4);
  const auto outcomes = run_ranks(2, {.timeout_seconds = 0.3}, [](const Rank& rank) {
    const Buffer values = filled(rank.context, 4, 1);
    const Graph graph(rank.context, [&] {
      rank.communicator.all_reduce(rank.context, view(values), ReduceOp::sum);
      rank.communicator.all_reduce(rank.context, view(values), ReduceOp::max);
    });
    while (true) {
      graph.launch(rank.context);
      rank.communicator.watch(rank.context);
      rank.context.synchronize();
      rank.communicator.check();
    }
  });
  for (const Outcome& outcome : outcomes) check_lost(outcome, "limit 0.3 s");
  CHECK(all_reports() == "");
}

TEST_CASE("a rank that is late but comes in time harms nothing") {
  reset_ranks(2, 1);
  emulator::nccl::stall(1, 2);
  const std::string wrong = failures(run_ranks(2, {.timeout_seconds = 20}, [](const Rank& rank) {
    const Buffer values = filled(rank.context, 4, 1);
    rank.communicator.all_reduce(rank.context, view(values), ReduceOp::sum);
    rank.communicator.all_reduce(rank.context, view(values), ReduceOp::sum);
    rank.communicator.watch(rank.context);
    if (rank.index == 1) {
      sleep_seconds(0.2);
      emulator::nccl::resume(1);
    }
    DCGAN_CHECK(read(rank.context, values) == std::vector<float>(4, 4), "another sum");
  }));
  CHECK(wrong == "");
}

TEST_CASE("a barrier that a rank does not come to ends within the time limit") {
  reset_ranks(2, 1);
  const auto outcomes = run_ranks(2, {.timeout_seconds = 0.3}, [](const Rank& rank) {
    if (rank.index == 0) return rank.communicator.barrier();
    while (!rank.communicator.aborted()) {
      sleep_seconds(0.6);
      rank.communicator.abort("killed");
    }
  });
  check_lost(outcomes[0], "barrier is not done after 0.3 s");
}

TEST_CASE("connecting ends within the time limit when a rank does not come") {
  reset_ranks(2, 1);
  const Context context({DeviceType::cuda, 0});
  const emulator::Live before = emulator::live();
  DCGAN_CHECK_FAILS(connect_nccl(context, {0, 2}, make_nccl_id(), 0.2), ErrorKind::peer_lost,
                    "connecting is not done after 0.2 s");
  CHECK(emulator::live() == before);
}

TEST_CASE("finish waits for the other ranks within the time limit") {
  reset_ranks(2, 1);
  const auto outcomes = run_ranks(2, {.timeout_seconds = 0.3}, [](const Rank& rank) {
    if (rank.index == 1) {
      sleep_seconds(0.8);
      fail(ErrorKind::io, "rank 1 ends otherwise");
    }
  });
  check_lost(outcomes[0], "finish is not done after 0.3 s");
}

TEST_CASE("an abort from another thread ends finish, which says why") {
  reset_ranks(2, 1);
  const auto outcomes = run_ranks(2, {.timeout_seconds = 60}, [](const Rank& rank) {
    if (rank.index == 0) {
      const std::jthread other([&] {
        sleep_seconds(0.2);
        rank.communicator.abort("rank 1 was seen to stop");
      });
      rank.communicator.finish();
    } else {
      sleep_seconds(0.4);
      rank.communicator.abort("rank 1 was told to stop");
    }
  });
  check_lost(outcomes[0], "rank 1 was seen to stop");
}

TEST_CASE("an abort from another thread ends a wait for the stream") {
  reset_ranks(2, 1);
  const auto begun = Clock::now();
  const auto outcomes = run_ranks(2, {.timeout_seconds = 60}, [](const Rank& rank) {
    const Buffer values = filled(rank.context, 4, 1);
    if (rank.index == 1) {
      sleep_seconds(0.2);
      return rank.communicator.abort("rank 1 was told to stop");
    }
    const std::jthread other([&] {
      sleep_seconds(0.2);
      rank.communicator.abort("rank 1 was seen to stop");
    });
    step(rank, values);
  });
  CHECK(seconds_since(begun) < 20);
  check_lost(outcomes[0], "rank 1 was seen to stop");
  check_lost(outcomes[0], "#1 all_reduce");
  check_lost(outcomes[1], "rank 1 was told to stop");
}

TEST_CASE("a call that NCCL refuses ends the connection with NCCL's text") {
  reset_ranks(2, 1);
  emulator::nccl::fail_call(1, 2, ncclSystemError);
  const auto outcomes = run_ranks(2, {.timeout_seconds = 0.3}, steps_without_end);
  check_lost(outcomes[0], "limit 0.3 s");
  check_lost(outcomes[1], "NCCL: system error: injected into rank 1: all_reduce of 4 f32 (sum)");
  check_lost(outcomes[1], "#2 all_reduce");
}

TEST_CASE("what fails on every path releases everything") {
  const emulator::Live before = emulator::live();
  for (int call = 1; call <= 4; ++call) {
    reset_ranks(2, 1);
    emulator::nccl::fail_call(0, call, ncclRemoteError);
    const auto outcomes = run_ranks(2, {.timeout_seconds = 0.2}, [](const Rank& rank) {
      const Buffer values = filled(rank.context, 4, 1);
      step(rank, values, 2);
      rank.communicator.barrier();
      const Graph graph(rank.context, [&] {
        rank.communicator.all_reduce(rank.context, view(values), ReduceOp::sum);
      });
    });
    CAPTURE(call);
    check_lost(outcomes[0], "injected into rank 0");
    emulator::reset(1);
    CHECK(emulator::live() == before);
  }
}

TEST_CASE("two ranks on one GPU are refused") {
  reset_ranks(3, 1);
  const auto outcomes =
      run_ranks(3, {.timeout_seconds = 5, .device_of = [](int rank) { return rank / 2; }},
                [](const Rank&) {});
  for (const Outcome& outcome : outcomes) {
    REQUIRE(outcome.kind.has_value());
    CHECK(*outcome.kind == ErrorKind::unavailable);
    CHECK_THAT(outcome.text, Contains("Duplicate GPU detected: ranks 0 and 1"));
  }
}

TEST_CASE("the identity of a GPU is its host's name and its UUID") {
  reset_ranks(2, 1);
  const std::string first = gpu_identity(Context({DeviceType::cuda, 0}));
  const std::string second = gpu_identity(Context({DeviceType::cuda, 1}));
  CHECK_THAT(first, Contains(" GPU-00010203-0405-0607-0809-0a0b0c0d0e0f"));
  CHECK(first != second);
  CHECK(first == gpu_identity(Context({DeviceType::cuda, 0})));
}
