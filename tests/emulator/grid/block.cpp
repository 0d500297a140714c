#include "tests/emulator/grid/block.h"

#include <utility>

#include "runtime/base/errors.h"
#include "tests/emulator/grid/race_check.h"
#include "tests/emulator/grid/thread_index.h"
#include "tests/emulator/grid/thread_order.h"

namespace dcgan::emulator {
namespace {

// Fibers are reused from block to block, because making one maps memory. To ThreadSanitizer all
// that runs on one fiber is one thread, so blocks use several sets of fibers in turn: a race
// between two blocks is found unless their positions in the order differ by a multiple of kLots.
constexpr std::size_t kLots = kRaceCheck ? 3 : 1;
thread_local std::vector<std::unique_ptr<Fiber>> idle_fibers_of_lot[kLots];
thread_local std::size_t blocks_run = 0;

}  // namespace

uint3 index_of(std::uint32_t linear, const dim3& extent) {
  return {linear % extent.x, linear / extent.x % extent.y, linear / extent.x / extent.y};
}

std::string to_string(const uint3& index) {
  return fmt::format("({}, {}, {})", index.x, index.y, index.z);
}

std::string to_string(const Site& site) { return fmt::format("{}:{}", site.file, site.line); }

Block::Block(const Grid& grid, const uint3& index, std::uint64_t salt,
             const std::function<void()>& body, LaunchTags& tags)
    : grid_(grid),
      index_(index),
      body_(body),
      tags_(tags),
      lot_(blocks_run++ % kLots),
      threads_(grid.threads.x * grid.threads.y * grid.threads.z),
      order_(permutation(static_cast<std::uint32_t>(threads_.size()), salt)),
      dynamic_(grid.shared_bytes),
      lanes_waiting_((threads_.size() + kWarpLanes - 1) / kWarpLanes) {}

void Block::report(const std::string& what) const {
  fail(ErrorKind::internal, "emulator: kernel {}, block {}: {}", grid_.kernel, to_string(index_),
       what);
}

std::string Block::describe(std::uint32_t thread) const {
  return fmt::format("thread {}", to_string(index_of(thread, grid_.threads)));
}

std::vector<std::unique_ptr<Fiber>>& Block::idle_fibers() const { return idle_fibers_of_lot[lot_]; }

void Block::begin(std::uint32_t thread) {
  current_ = thread;
  threads_[thread].state = State::running;
  threadIdx = index_of(thread, grid_.threads);
}

// The body of every fiber. Catches all exceptions: they cannot pass to another stack.
void Block::work(void* self) {
  auto* block = static_cast<Block*>(self);
  Fiber* fiber = block->fibers_.back().get();
  while (block->next_ < block->order_.size() && !block->failure_) {
    const std::uint32_t thread = block->order_[block->next_++];
    block->begin(thread);
    block->threads_[thread].fiber = fiber;
    order_after(&block->tags_.started);
    try {
      block->body_();
      block->check_copies_waited_for(thread);
    } catch (...) {
      block->failure_ = std::current_exception();
    }
    order_before(&block->tags_.finished);
    block->threads_[thread].state = State::done;
    ++block->done_;
    if (kRaceCheck) break;  // one fiber, one thread of the block
  }
}

void Block::begin_next() {
  auto& idle = idle_fibers();
  if (idle.empty()) idle.push_back(std::make_unique<Fiber>());
  fibers_.push_back(std::move(idle.back()));
  idle.pop_back();
  fibers_.back()->start(&Block::work, this);
  fibers_.back()->resume();
}

void Block::run() {
  blockIdx = index_;
  while (done_ < threads_.size()) {
    if (next_ < order_.size()) {
      begin_next();
    } else if (!ready_.empty() || release_barrier()) {
      const std::uint32_t thread = ready_.back();
      ready_.pop_back();
      resume(thread);
    } else {
      report_stuck();
    }
    if (failure_) std::rethrow_exception(failure_);
  }
  for (auto& fiber : fibers_) idle_fibers().push_back(std::move(fiber));
  for (const SharedArray& array : arrays_) {
    array.memory.check(fmt::format("kernel {}, shared array {}", grid_.kernel, array.name));
  }
  dynamic_.check(fmt::format("kernel {}, dynamic shared memory", grid_.kernel));
}

void Block::resume(std::uint32_t thread) {
  begin(thread);
  threads_[thread].fiber->resume();
}

void Block::wait(State state) {
  Thread& thread = threads_[current_];
  thread.state = state;
  // A thread that is never resumed, because another one failed, stays suspended here.
  order_before(&tags_.finished);
  end_unobserved();
  thread.fiber->yield();
  begin_unobserved();
}

int Block::barrier(bool predicate, Site site) {
  threads_[current_].site = site;
  threads_[current_].predicate = predicate;
  std::uint64_t* tag = &barrier_tags_[barriers_ % 2];
  order_before(tag);
  wait(State::at_barrier);
  order_after(tag);
  return barrier_count_;
}

// All threads of the block wait at one barrier: lets them continue, in the chosen order.
bool Block::release_barrier() {
  for (const Thread& thread : threads_) {
    if (thread.state != State::at_barrier) return false;
  }
  ++barriers_;
  barrier_count_ = 0;
  for (std::uint32_t i = 0; i < threads_.size(); ++i) {
    if (!(threads_[i].site == threads_[0].site)) {
      report(fmt::format("the barrier diverges: {} waits at {}, {} at {}", describe(0),
                         to_string(threads_[0].site), describe(i), to_string(threads_[i].site)));
    }
    barrier_count_ += threads_[i].predicate ? 1 : 0;
    threads_[i].state = State::ready;
  }
  ready_.assign(order_.rbegin(), order_.rend());
  return true;
}

// No thread can continue: one waits for a thread that has ended or waits elsewhere.
void Block::report_stuck() const {
  std::uint32_t waiting = 0;
  std::uint32_t ended = 0;
  for (std::uint32_t i = 0; i < threads_.size(); ++i) {
    if (threads_[i].state == State::in_warp_call) report_stuck_warp(i);
    if (threads_[i].state == State::at_barrier) waiting = i;
    if (threads_[i].state == State::done) ended = i;
  }
  report(fmt::format("{} waits at the barrier at {}, but {} has ended without reaching it",
                     describe(waiting), to_string(threads_[waiting].site), describe(ended)));
}

void* Block::shared_array(const void* declaration, std::size_t bytes, const char* name) {
  for (const SharedArray& array : arrays_) {
    if (array.declaration == declaration) return array.memory.data();
  }
  arrays_.push_back({declaration, name, FencedMemory(bytes)});
  return arrays_.back().memory.data();
}

}  // namespace dcgan::emulator
