#include "models/data/workers.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace dcgan {
namespace {

class SharedJobs {
 public:
  SharedJobs(std::int64_t count, const std::function<void(std::int64_t)>& job)
      : job_(job), end_(count) {}

  void work() {
    while (true) {
      const std::int64_t index = next_.fetch_add(1);
      // end_ only falls, and to a number already handed out: every lower one is done by someone.
      if (index >= end_.load()) return;
      try {
        job_(index);
      } catch (...) {
        record(index, std::current_exception());
      }
    }
  }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void record(std::int64_t index, std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    if (index >= end_.load()) return;
    end_.store(index);
    error_ = std::move(error);
  }

  const std::function<void(std::int64_t)>& job_;
  std::atomic<std::int64_t> next_{0};
  std::atomic<std::int64_t> end_;
  std::mutex mutex_;
  std::exception_ptr error_;
};

}  // namespace

void run_workers(std::int64_t count, int workers, const std::function<void(std::int64_t)>& job) {
  SharedJobs jobs(count, job);
  const std::int64_t cores = std::max(1u, std::thread::hardware_concurrency());
  const std::int64_t wanted = std::min(workers > 0 ? std::int64_t{workers} : cores, count);
  {
    std::vector<std::jthread> threads;
    for (std::int64_t i = 1; i < wanted; ++i) threads.emplace_back([&jobs] { jobs.work(); });
    jobs.work();  // this thread is one of them
  }
  jobs.rethrow();
}

}  // namespace dcgan
