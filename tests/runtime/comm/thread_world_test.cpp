#include "runtime/comm/thread_world.h"

#include <numeric>
#include <string>
#include <vector>

#include "tests/ranks/ranks.h"
#include "tests/support/catch.h"

using namespace dcgan;

namespace {

std::vector<float> values_of(int rank, std::size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), static_cast<float>(10 * rank));
  return values;
}

TensorView view_of(std::vector<float>& values) {
  return {values.data(), {static_cast<std::int64_t>(values.size())}, DType::f32};
}

// What each rank's call of `body` throws, by rank.
std::vector<std::string> failures_of(int size, double timeout_seconds,
                                     const std::function<void(Communicator&)>& body) {
  std::vector<std::string> texts(static_cast<std::size_t>(size));
  test::run_ranks(
      size,
      [&](Communicator& communicator) {
        try {
          body(communicator);
        } catch (const Error& error) {
          texts[static_cast<std::size_t>(communicator.rank())] = error.what();
        }
      },
      timeout_seconds);
  return texts;
}

}  // namespace

TEST_CASE("rank threads reduce, broadcast and gather, call after call") {
  for (const int size : {1, 2, 3, 8}) {
    CAPTURE(size);
    std::vector<std::vector<float>> sums(static_cast<std::size_t>(size)), largest(sums), sent(sums),
        all(sums);
    test::run_ranks(size, [&](Communicator& ranks) {
      const Context context{Device{}};
      const auto own = static_cast<std::size_t>(ranks.rank());
      for (int call = 0; call < 20; ++call) {
        sums[own] = largest[own] = sent[own] = values_of(ranks.rank(), 5);
        std::vector<float> part = values_of(ranks.rank(), 2);
        all[own].assign(static_cast<std::size_t>(2 * size), 0.0f);
        ranks.all_reduce(context, view_of(sums[own]), ReduceOp::sum);
        ranks.all_reduce(context, view_of(largest[own]), ReduceOp::max);
        ranks.broadcast(context, view_of(sent[own]), size - 1);
        ranks.all_gather(context, view_of(part), view_of(all[own]));
        ranks.barrier();
      }
    });
    for (std::size_t rank = 0; rank < sums.size(); ++rank) {
      const auto last = static_cast<float>(10 * (size - 1));
      CHECK(sums[rank][3] ==
            5.0f * static_cast<float>(size * (size - 1)) + 3.0f * static_cast<float>(size));
      CHECK(largest[rank][0] == last);
      CHECK(sent[rank] == values_of(size - 1, 5));
      CHECK(all[rank][all[rank].size() - 1] == last + 1.0f);
    }
  }
}

TEST_CASE("integer sums of rank threads wrap, and a NaN of one rank is every rank's") {
  std::vector<std::int32_t> sums(2);
  std::vector<float> smallest(2);
  test::run_ranks(2, [&](Communicator& ranks) {
    const Context context{Device{}};
    const auto own = static_cast<std::size_t>(ranks.rank());
    sums[own] = INT32_MAX;
    ranks.all_reduce(context, TensorView(&sums[own], {1}), ReduceOp::sum);
    smallest[own] = ranks.rank() == 0 ? 1.0f : std::numeric_limits<float>::quiet_NaN();
    ranks.all_reduce(context, TensorView(&smallest[own], {1}), ReduceOp::min);
  });
  CHECK(sums == std::vector<std::int32_t>{-2, -2});
  CHECK(std::isnan(smallest[0]));
  CHECK(std::isnan(smallest[1]));
}

TEST_CASE("rank threads that call different collectives are told which") {
  const std::vector<std::string> texts = failures_of(2, 60, [](Communicator& ranks) {
    const Context context{Device{}};
    std::vector<float> values(ranks.rank() == 0 ? 4 : 5);
    ranks.all_reduce(context, view_of(values), ReduceOp::sum);
  });
  for (const std::string& text : texts) {
    CHECK(text == "rank 0 calls all_reduce of 4 f32, 0, rank 1 calls all_reduce of 5 f32, 0");
  }
}

TEST_CASE("a rank thread that does not come in time is named, with the last collectives") {
  const std::vector<std::string> texts = failures_of(3, 0.2, [](Communicator& ranks) {
    ranks.barrier();
    if (ranks.rank() == 1) return std::this_thread::sleep_for(std::chrono::milliseconds(600));
    ranks.barrier();
  });
  CHECK(texts[1].empty());
  for (const std::size_t rank : {0u, 2u}) {
    CAPTURE(texts[rank]);
    CHECK(texts[rank].find("no call of rank 1 within 0.2 s") != std::string::npos);
    CHECK(texts[rank].find("#2 barrier 0.0 MB since") != std::string::npos);
  }
}

TEST_CASE("a rank thread that ends or aborts is lost to those that wait for it") {
  const std::vector<std::string> texts = failures_of(3, 60, [](Communicator& ranks) {
    if (ranks.rank() == 1) return ranks.abort("stopped by the test");
    ranks.barrier();
  });
  CHECK(texts[1].empty());
  CHECK(texts[0].find("rank 1 was aborted") != std::string::npos);
  CHECK(texts[2].find("rank 1 ") != std::string::npos);
}

TEST_CASE("64 rank threads start and end") {
  std::vector<float> sums(64, 1.0f);
  test::run_ranks(64, [&](Communicator& ranks) {
    const Context context{Device{}};
    float& own = sums[static_cast<std::size_t>(ranks.rank())];
    ranks.all_reduce(context, TensorView(&own, {1}), ReduceOp::sum);
  });
  CHECK(sums == std::vector<float>(64, 64.0f));
}
