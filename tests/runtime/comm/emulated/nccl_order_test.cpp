// NCCL's ranks on emulated GPUs: collectives among other work, in graphs and on two streams, in
// many orders.
#include "tests/runtime/comm/emulated/nccl_ranks.h"

using namespace dcgan;
using namespace dcgan::test;

TEST_CASE("collectives in a graph run at every replay, and before, between and after kernels") {
  for (const int world : {1, 2, 3, 8}) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      reset_ranks(world, seed);
      const std::string wrong = failures(run_ranks(world, {}, [](const Rank& rank) {
        const Buffer x = filled(rank.context, 5, 1);
        const Buffer y = filled(rank.context, 5, 0);
        rank.communicator.broadcast(rank.context, view(x), 0);  // also outside the graph
        const Graph graph(rank.context, [&] {
          scale_and_add(rank.context, x, 1, static_cast<float>(rank.index), y);
          rank.communicator.all_reduce(rank.context, view(y), ReduceOp::sum);
          scale_and_add(rank.context, y, 1, 1, x);
        });
        DCGAN_CHECK(graph.size().nodes == 3, "{} nodes", graph.size().nodes);
        float wanted = 1;
        for (int replay = 0; replay < 3; ++replay) {
          graph.launch(rank.context);
          rank.communicator.watch(rank.context);
          const auto n = static_cast<float>(rank.world);
          wanted = n * wanted + n * (n - 1) / 2 + 1;
        }
        DCGAN_CHECK(read(rank.context, x) == std::vector<float>(5, wanted), "{} of {} expected",
                    read(rank.context, x)[0], wanted);
        rank.communicator.check();
      }));
      CAPTURE(world, seed);
      CHECK(wrong == "");
    }
  }
}

namespace {

enum class Replayed { no, yes };

// A bucket of gradients on a side stream and sums of a batch norm on the main one, of one
// communicator.
void step_on_two_streams(const Rank& rank, Replayed replayed) {
  const Context side(rank.context.device());
  const Buffer gradient = filled(rank.context, 4, static_cast<float>(rank.index + 1));
  const Buffer sums = filled(rank.context, 2, static_cast<float>(10 * rank.index));
  Event ready(rank.context);
  Event done(rank.context);
  const auto step = [&] {
    scale_and_add(rank.context, gradient, 2, 0, gradient);
    ready.record(rank.context);
    ready.wait_on(side);
    rank.communicator.all_reduce(side, view(gradient), ReduceOp::sum);
    scale_and_add(rank.context, sums, 1, 1, sums);
    rank.communicator.all_reduce(rank.context, view(sums), ReduceOp::max);
    done.record(side);
    done.wait_on(rank.context);
  };
  if (replayed == Replayed::yes) {
    const Graph graph(rank.context, step);
    graph.launch(rank.context);
    rank.context.synchronize();
  } else {
    step();
  }
  const int n = rank.world;
  DCGAN_CHECK(
      read(rank.context, gradient) == std::vector<float>(4, static_cast<float>(n * (n + 1))),
      "gradient {}", read(rank.context, gradient)[0]);
  DCGAN_CHECK(read(rank.context, sums) == std::vector<float>(2, static_cast<float>(10 * n - 9)),
              "sums {}", read(rank.context, sums)[0]);
}

}  // namespace

TEST_CASE("two streams of a GPU share a communicator, enqueued and replayed") {
  for (const int world : {1, 2, 3}) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      for (const Replayed replayed : {Replayed::no, Replayed::yes}) {
        reset_ranks(world, seed);
        const std::string wrong = failures(
            run_ranks(world, {}, [&](const Rank& rank) { step_on_two_streams(rank, replayed); }));
        CAPTURE(world, seed);
        CHECK(wrong == "");
      }
    }
  }
}

TEST_CASE("collectives of two streams run one after the other, also in a graph") {
  reset_ranks(1, 1);
  std::int64_t chain = 0;
  const auto outcomes = run_ranks(1, {}, [&](const Rank& rank) {
    const Context side(rank.context.device());
    const Buffer x = filled(rank.context, 1, 1);
    const Buffer y = filled(rank.context, 1, 1);
    Event mark(rank.context);
    const Graph graph(rank.context, [&] {
      mark.record(rank.context);
      mark.wait_on(side);
      rank.communicator.all_reduce(side, view(x), ReduceOp::sum);
      rank.communicator.all_reduce(rank.context, view(y), ReduceOp::sum);
      mark.record(side);
      mark.wait_on(rank.context);
    });
    chain = emulator::longest_chain();
  });
  CHECK(failures(outcomes) == "");
  CHECK(chain == 2);
}

TEST_CASE("a sum that is read on another stream without an event is wrong for some order") {
  int wrong = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    reset_ranks(2, seed);
    std::vector<float> seen(2);
    const auto outcomes = run_ranks(2, {}, [&](const Rank& rank) {
      const Context other(rank.context.device());
      const Buffer x = filled(rank.context, 1, 1);
      const Buffer y = filled(rank.context, 1, 0);
      rank.communicator.all_reduce(rank.context, view(x), ReduceOp::sum);
      scale_and_add(other, x, 1, 0, y);
      seen[static_cast<std::size_t>(rank.index)] = read(other, y)[0];
      rank.context.synchronize();
    });
    REQUIRE(failures(outcomes) == "");
    wrong += seen != std::vector<float>{2, 2};
  }
  CHECK(wrong > 0);
}

TEST_CASE("one rank alone computes in the same order each time, whatever its watchdog does") {
  const auto order = [](std::uint64_t seed) {
    reset_ranks(1, seed);
    std::vector<int> ran;
    const auto outcomes = run_ranks(1, {}, [&](const Rank& rank) {
      const Context other(rank.context.device());
      const Buffer x = filled(rank.context, 1, 1);
      for (int i = 0; i < 20; ++i) {
        const Context& context = i % 2 == 0 ? rank.context : other;
        rank.communicator.all_reduce(context, view(x), ReduceOp::sum);
        const auto note = [&ran, i] { ran.push_back(i); };
        DCGAN_CHECK(emulator::enqueue_kernel(context.stream(), "note", note) == cudaSuccess, "no");
        rank.communicator.watch(context);
      }
      rank.context.synchronize();
      other.synchronize();
    });
    REQUIRE(failures(outcomes) == "");
    REQUIRE(ran.size() == 20);
    return ran;
  };
  const std::vector<int> first = order(3);
  for (int run = 0; run < 5; ++run) CHECK(order(3) == first);
  CHECK(order(4) != first);
}
