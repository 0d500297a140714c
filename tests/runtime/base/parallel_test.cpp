#include "runtime/base/parallel.h"

#include <atomic>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;

namespace {

class ThreadCount {
 public:
  explicit ThreadCount(int count) : before_(thread_count()) { set_thread_count(count); }
  ~ThreadCount() { set_thread_count(before_); }

 private:
  int before_;
};

std::set<std::pair<std::int64_t, std::int64_t>> ranges_of(std::int64_t count, std::int64_t grain) {
  std::mutex guard;
  std::set<std::pair<std::int64_t, std::int64_t>> ranges;
  parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
    const std::lock_guard lock(guard);
    ranges.emplace(begin, end);
  });
  return ranges;
}

}  // namespace

TEST_CASE("parallel_for covers each index exactly once") {
  for (const int threads : {1, 2, 5}) {
    const ThreadCount scope(threads);
    for (const std::int64_t count : {1, 2, 7, 64, 1000}) {
      for (const std::int64_t grain : {1, 2, 3, 64, 999, 1000, 5000}) {
        std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
        parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
        });
        int wrong = 0;
        for (const auto& n : visits) wrong += n != 1;
        CAPTURE(threads, count, grain);
        CHECK(wrong == 0);
      }
    }
  }
}

TEST_CASE("the ranges of parallel_for do not depend on the number of threads") {
  const auto with = [](int threads) {
    const ThreadCount scope(threads);
    return ranges_of(1001, 10);
  };
  const auto one = with(1);
  CHECK(one.size() == 101);
  CHECK(one.contains({1000, 1001}));
  CHECK(with(2) == one);
  CHECK(with(7) == one);
}

TEST_CASE("parallel_for over nothing calls nothing") {
  CHECK(ranges_of(0, 8).empty());
  CHECK(ranges_of(-5, 8).empty());
}

TEST_CASE("parallel_for with a grain below one uses ranges of one") {
  CHECK(ranges_of(4, 0).size() == 4);
  CHECK(ranges_of(4, -3).size() == 4);
}

TEST_CASE("fewer than one thread is a configuration error with the number") {
  DCGAN_CHECK_FAILS(set_thread_count(0), ErrorKind::config, "threads: 0");
  DCGAN_CHECK_FAILS(set_thread_count(-2), ErrorKind::config, "threads: -2");
}
