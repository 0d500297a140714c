#include "models/profiling/all_reduce_benchmark.h"

#include <mutex>
#include <string>

#include "runtime/comm/local_communicator.h"
#include "runtime/device/memory.h"
#include "tests/ranks/ranks.h"
#include "tests/support/devices.h"

using namespace dcgan;

namespace {

// One rank that believes to be rank 0 of two: its sums are `factor` times its own values.
class PretendedPair final : public Communicator {
 public:
  explicit PretendedPair(float factor) : Communicator({0, 2}), factor_(factor) {}
  std::string describe() const override { return "a pretended pair"; }
  int reductions = 0;
  int barriers = 0;

 private:
  void do_all_reduce(const Context&, TensorView values, ReduceOp op) override {
    if (op != ReduceOp::sum) return;
    ++reductions;
    for (std::int64_t i = 0; i < values.elements(); ++i) values.as<float>()[i] *= factor_;
  }
  void do_broadcast(const Context&, TensorView, int) override {}
  void do_all_gather(const Context&, ConstTensorView, TensorView) override {}
  void do_barrier() override { ++barriers; }
  void do_abort() noexcept override {}

  float factor_;
};

}  // namespace

TEST_CASE("every rank gets the slowest rank's times of every size") {
  const std::vector<std::int64_t> sizes{4, 1024, 4096};
  for (const Device device : test::devices_under_test()) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      INFO(to_string(device) << " " << name_of(dtype));
      std::vector<std::vector<AllReduceResult>> by_rank(3);
      test::run_ranks(3, [&](Communicator& communicator) {
        const Context context(device);
        by_rank[static_cast<std::size_t>(communicator.rank())] =
            run_all_reduce_benchmark(context, communicator, {sizes, dtype, 1, 3});
      });
      for (const auto& results : by_rank) {
        REQUIRE(results.size() == sizes.size());
        for (std::size_t i = 0; i < results.size(); ++i) {
          CHECK(results[i].bytes == sizes[i]);
          CHECK(results[i].ranks == 3);
          CHECK(results[i].median_us > 0);
          CHECK(results[i].p90_us >= results[i].median_us);
          CHECK(results[i].median_us == by_rank[0][i].median_us);
          CHECK(results[i].p90_us == by_rank[0][i].p90_us);
        }
      }
    }
  }
}

TEST_CASE("bandwidths of an all-reduce: of the algorithm and of the bus") {
  AllReduceResult result{4000000, 4, 100, 120};
  CHECK(result.algorithm_gb_per_second() == Approx(40));
  CHECK(result.bus_gb_per_second() == Approx(60));
  result.ranks = 1;
  CHECK(result.bus_gb_per_second() == 0);
}

TEST_CASE("each repeat begins at a barrier, and small sizes are called more often") {
  const Context context{Device{}};
  PretendedPair communicator(2);
  run_all_reduce_benchmark(context, communicator, {{4}, DType::f32, 1, 4});
  CHECK(communicator.barriers == 5);
  CHECK(communicator.reductions == 1 + 5 * 16);  // the first is compared
  PretendedPair large(2);
  run_all_reduce_benchmark(context, large, {{1 << 20}, DType::f32, 0, 2});
  CHECK(large.reductions == 1 + 2);
}

TEST_CASE("a sum that is wrong is not timed") {
  const Context context{Device{}};
  PretendedPair communicator(3);
  try {
    run_all_reduce_benchmark(context, communicator, {{8}, DType::f32, 0, 1});
    FAIL("three of two ranks passed");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::internal);
    CHECK(std::string(error.what()).find("over 2 ranks") != std::string::npos);
    CHECK(communicator.barriers == 0);
  }
}

TEST_CASE("sizes are whole numbers of elements") {
  CHECK(default_all_reduce_sizes().front() == 4);
  CHECK(default_all_reduce_sizes().back() == std::int64_t{256} << 20);
  CHECK(default_all_reduce_sizes().size() == 14);
  const Context context{Device{}};
  LocalCommunicator communicator;
  for (const std::int64_t bytes : {-4, 0, 2, 6}) {
    try {
      run_all_reduce_benchmark(context, communicator, {{4, bytes}, DType::f32, 0, 1});
      FAIL(bytes << " bytes of f32 passed");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::config);
    }
  }
}
