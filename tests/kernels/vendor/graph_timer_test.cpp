// The real timer, on the GPU or on the emulated device, with candidates that are plain copies.
#include "kernels/vendor/graph_timer.h"

#include <cmath>

#include "runtime/device/memory.h"
#include "tests/kernels/support.h"

namespace dcgan::test {
namespace {

bool has_gpu() { return devices_under_test().back().type == DeviceType::cuda; }

/// Three buffer sets of one tensor each; candidates write 1 or 2 into them.
struct Work {
  Context context{devices_under_test().back()};
  GuardedTensor ones{context, Values({1000}, std::vector<double>(1000, 1.0)), DType::f32};
  GuardedTensor twos{context, Values({1000}, std::vector<double>(1000, 2.0)), DType::f32};
  GuardedTensor a{context, Shape{1000}, DType::f32};
  GuardedTensor b{context, Shape{1000}, DType::f32};
  GuardedTensor c{context, Shape{1000}, DType::f32};
  std::vector<int> calls_of_set = {0, 0, 0};
  int refreshes = 0;

  TensorView set(int index) const {
    return index == 0 ? a.view() : index == 1 ? b.view() : c.view();
  }
  cuda::TimingWork timing() {
    return {3,
            [this] {
              ++refreshes;
              for (int i = 0; i < 3; ++i) fill_zero(context, set(i));
            },
            a.view()};
  }
  TuningCandidate copying(const char* name, const GuardedTensor& from, int times) {
    return {name, name, 0, [this, view = from.view(), times](int index) {
              ++calls_of_set[static_cast<std::size_t>(index)];
              for (int i = 0; i < times; ++i) copy(context, view, set(index));
            }};
  }
};

}  // namespace

TEST_CASE("a graph timer runs a candidate on set 0 and reads what it wrote") {
  if (!has_gpu()) return;
  Work work;
  cuda::GraphTimer timer(work.context, work.timing());
  CHECK(timer.result_of(work.copying("twos", work.twos, 1)) == std::vector<float>(1000, 2.0f));
  CHECK(work.calls_of_set == std::vector<int>{1, 0, 0});
  // A candidate that writes nothing does not inherit the result of the one before it.
  CHECK(timer.result_of({"nothing", "", 0, [](int) {}}) == std::vector<float>(1000, 0.0f));
}

TEST_CASE("a graph timer captures at least eight calls, the same number on every set") {
  if (!has_gpu()) return;
  Work work;
  cuda::GraphTimer timer(work.context, work.timing());
  const double median_ms = timer.median_ms(work.copying("ones", work.ones, 1));
  CHECK(work.calls_of_set == std::vector<int>{3, 3, 3});  // recorded once, launched several times
  CHECK(std::isfinite(median_ms));
  CHECK(median_ms >= 0);
  CHECK(work.refreshes == 1);
  CHECK(work.c.read()[999] == 1.0);
}

TEST_CASE("a graph timer lets a candidate's refusal pass through and can be used again") {
  if (!has_gpu()) return;
  Work work;
  cuda::GraphTimer timer(work.context, work.timing());
  const TuningCandidate refusing{"refusing", "", 0,
                                 [](int) { fail(ErrorKind::unavailable, "no engine"); }};
  CHECK_THROWS_WITH(timer.result_of(refusing), Contains("no engine"));
  CHECK_THROWS_WITH(timer.median_ms(refusing), Contains("no engine"));
  CHECK(timer.result_of(work.copying("ones", work.ones, 1)) == std::vector<float>(1000, 1.0f));
}

TEST_CASE("the tuner with a graph timer chooses among candidates that really run") {
  if (!has_gpu()) return;
  Work work;
  cuda::GraphTimer timer(work.context, work.timing());
  std::vector<TuningCandidate> candidates{work.copying("right", work.ones, 1),
                                          work.copying("right too", work.ones, 2),
                                          work.copying("wrong", work.twos, 1)};
  std::size_t next = 0;
  const TuningProblem problem{"copies",
                              [&]() -> std::optional<TuningCandidate> {
                                if (next == candidates.size()) return std::nullopt;
                                return candidates[next++];
                              },
                              [](const std::string&) { return std::nullopt; }, 1e-6};
  const TuningOutcome outcome =
      choose_candidate(problem, &timer, TuningMode::fastest, /*cache_folder=*/"");
  REQUIRE(outcome.candidate);
  CHECK_THAT(outcome.candidate->name, Contains("right"));
  CHECK_THAT(outcome.how, Contains("best of 3") && Contains("wrong passed over"));
}

TEST_CASE("buffer sets together exceed the cache, between two and eight of them") {
  constexpr std::size_t kMiB = std::size_t{1} << 20;
  CHECK(cuda::buffer_sets_for(200 * kMiB, 50 * kMiB) == 2);
  CHECK(cuda::buffer_sets_for(30 * kMiB, 50 * kMiB) == 4);
  CHECK(cuda::buffer_sets_for(1000, 50 * kMiB) == 8);
  CHECK(cuda::buffer_sets_for(0, 0) == 2);
}

}  // namespace dcgan::test
