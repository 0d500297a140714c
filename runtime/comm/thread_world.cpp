#include "runtime/comm/thread_world.h"

#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <optional>
#include <vector>

#include "runtime/base/host_tensor.h"
#include "runtime/device/memory.h"

namespace dcgan {
namespace {

// One rank's part of a collective.
struct Call {
  std::string text;  // what must agree on all ranks
  ConstTensorView input;
};

HostTensor on_host(const Context& context, ConstTensorView values) {
  HostTensor result(values.shape, values.dtype);
  download(context, values, result.view());
  return result;
}

}  // namespace

/// Where the ranks meet: each posts its call, waits for all, and reads the inputs of the others;
/// nobody leaves before all have read.
class ThreadWorld::Meeting {
 public:
  Meeting(int size, double timeout_seconds)
      : calls_(static_cast<std::size_t>(size)),
        lost_(static_cast<std::size_t>(size)),
        timeout_(timeout_seconds) {}

  int size() const { return static_cast<int>(calls_.size()); }

  /// Calls read(inputs of all ranks) when all have come.
  template <class Read>
  void meet(int rank, Call call, const Read& read) {
    std::unique_lock lock(mutex_);
    calls_[static_cast<std::size_t>(rank)] = std::move(call);
    ++arrived_;
    changed_.notify_all();
    wait(lock, [&] { return arrived_ == size(); });
    const std::string difference = this->difference();
    if (difference.empty()) read(calls_);
    const std::int64_t number = number_;
    if (++read_ == size()) {
      arrived_ = read_ = 0;
      for (std::optional<Call>& one : calls_) one.reset();
      ++number_;
      changed_.notify_all();
    }
    changed_.wait(lock, [&] { return number_ != number; });  // all have come: they only read
    if (!difference.empty()) fail(ErrorKind::internal, "{}", difference);
  }

  void lose(int rank, const char* how) noexcept {
    const std::lock_guard lock(mutex_);
    const char*& state = lost_[static_cast<std::size_t>(rank)];
    if (state == nullptr) state = how;
    changed_.notify_all();
  }

 private:
  template <class Condition>
  void wait(std::unique_lock<std::mutex>& lock, const Condition& done) {
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::duration<double>(timeout_);
    while (!done()) {
      for (std::size_t rank = 0; rank < lost_.size(); ++rank) {
        if (lost_[rank] != nullptr && !calls_[rank]) {
          fail(ErrorKind::peer_lost, "rank {} {}", rank, lost_[rank]);
        }
      }
      if (changed_.wait_until(lock, deadline) == std::cv_status::no_timeout || done()) continue;
      fail(ErrorKind::peer_lost, "no call of {} within {} s", missing(), timeout_);
    }
  }

  std::string missing() const {
    std::string ranks;
    for (std::size_t rank = 0; rank < calls_.size(); ++rank) {
      if (!calls_[rank]) ranks += fmt::format("{}{}", ranks.empty() ? "rank " : ", ", rank);
    }
    return ranks;
  }

  std::string difference() const {
    for (std::size_t rank = 1; rank < calls_.size(); ++rank) {
      if (calls_[rank]->text == calls_[0]->text) continue;
      return fmt::format("rank 0 calls {}, rank {} calls {}", calls_[0]->text, rank,
                         calls_[rank]->text);
    }
    return {};
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::optional<Call>> calls_;  // by rank
  std::vector<const char*> lost_;           // by rank; null: it is there
  int arrived_ = 0;
  int read_ = 0;
  std::int64_t number_ = 0;  // of meetings that have ended
  double timeout_;
};

namespace {

using Calls = std::vector<std::optional<Call>>;

class ThreadCommunicator final : public Communicator {
 public:
  ThreadCommunicator(Shard shard, std::shared_ptr<ThreadWorld::Meeting> meeting)
      : Communicator(shard), meeting_(std::move(meeting)) {}
  ~ThreadCommunicator() override { meeting_->lose(rank(), "has ended"); }

  std::string describe() const override { return "threads"; }

 private:
  void do_all_reduce(const Context& context, TensorView values, ReduceOp op) override {
    const HostTensor input = on_host(context, values);
    HostTensor result(values.shape, values.dtype);
    meet("all_reduce", values, static_cast<int>(op), input.view(), [&](const Calls& calls) {
      std::memcpy(result.view().data, calls[0]->input.data, values.bytes());
      for (std::size_t i = 1; i < calls.size(); ++i) {
        reduce_into(op, result.view(), calls[i]->input.reshaped(values.shape));
      }
    });
    upload(context, result.view(), values);
  }

  void do_broadcast(const Context& context, TensorView values, int root) override {
    const HostTensor input = on_host(context, values);
    HostTensor result(values.shape, values.dtype);
    meet("broadcast", values, root, input.view(), [&](const Calls& calls) {
      const Call& from = *calls[static_cast<std::size_t>(root)];
      std::memcpy(result.view().data, from.input.data, values.bytes());
    });
    upload(context, result.view(), values);
  }

  void do_all_gather(const Context& context, ConstTensorView from, TensorView to) override {
    const HostTensor input = on_host(context, from);
    HostTensor result(to.shape, to.dtype);
    meet("all_gather", from, 0, input.view(), [&](const Calls& calls) {
      auto* out = static_cast<std::byte*>(result.view().data);
      for (const std::optional<Call>& call : calls) {
        std::memcpy(out, call->input.data, from.bytes());
        out += from.bytes();
      }
    });
    upload(context, result.view(), to);
  }

  void do_barrier() override {
    meeting_->meet(rank(), {"barrier", {}}, [](const Calls&) {});
  }
  void do_abort() noexcept override { meeting_->lose(rank(), "was aborted"); }
  void do_finish() override { meeting_->lose(rank(), "has finished"); }

  template <class Read>
  void meet(const char* name, ConstTensorView values, int detail, ConstTensorView input,
            const Read& read) {
    const std::string text =
        fmt::format("{} of {} {}, {}", name, values.elements(), name_of(values.dtype), detail);
    meeting_->meet(rank(), {text, input}, read);
  }

  std::shared_ptr<ThreadWorld::Meeting> meeting_;
};

}  // namespace

ThreadWorld::ThreadWorld(int size, double timeout_seconds)
    : meeting_(std::make_shared<Meeting>(size, timeout_seconds)) {}

ThreadWorld::~ThreadWorld() = default;

std::unique_ptr<Communicator> ThreadWorld::communicator(int rank) {
  return std::make_unique<ThreadCommunicator>(Shard{rank, meeting_->size()}, meeting_);
}

}  // namespace dcgan
