#include "tests/emulator/grid.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/errors.h"
#include "tests/emulator/fiber.h"
#include "tests/emulator/memory.h"
#include "tests/emulator/thread_index.h"

thread_local constinit uint3 threadIdx{};
thread_local constinit uint3 blockIdx{};
thread_local constinit dim3 blockDim{1, 1, 1};
thread_local constinit dim3 gridDim{1, 1, 1};

namespace dcgan::emulator {
namespace {

constexpr int kWarpLanes = 32;

struct Order {
  ThreadOrder kind = ThreadOrder::forward;
  std::uint64_t seed = 1;
};

Order order_of_environment() {
  const char* text = std::getenv("DCGAN_EMULATOR_ORDER");
  const std::string_view name = text == nullptr ? "forward" : text;
  if (name == "forward") return {};
  if (name == "reverse") return {ThreadOrder::reverse};
  if (name == "random") return {ThreadOrder::random};
  if (name.starts_with("random:")) {
    return {ThreadOrder::random, std::strtoull(text + 7, nullptr, 10)};
  }
  fail(ErrorKind::config, "DCGAN_EMULATOR_ORDER={}: want forward, reverse, random or random:SEED",
       name);
}

Order& current_order() {
  static Order order = order_of_environment();
  return order;
}

/// 0 .. count-1 as the order says; `salt` makes each use differ.
std::vector<std::uint32_t> permutation(std::uint32_t count, std::uint64_t salt) {
  std::vector<std::uint32_t> result(count);
  std::iota(result.begin(), result.end(), 0u);
  const Order& order = current_order();
  if (order.kind == ThreadOrder::reverse) std::reverse(result.begin(), result.end());
  if (order.kind == ThreadOrder::random) {
    std::mt19937_64 engine(order.seed * 0x9E3779B97F4A7C15ull + salt);
    std::shuffle(result.begin(), result.end(), engine);
  }
  return result;
}

uint3 index_of(std::uint32_t linear, const dim3& extent) {
  return {linear % extent.x, linear / extent.x % extent.y, linear / extent.x / extent.y};
}

std::string to_string(const uint3& index) {
  return fmt::format("({}, {}, {})", index.x, index.y, index.z);
}

std::string to_string(const Site& site) { return fmt::format("{}:{}", site.file, site.line); }

const char* name_of(WarpOperation operation) {
  switch (operation) {
    case WarpOperation::shuffle:
      return "__shfl_sync";
    case WarpOperation::shuffle_up:
      return "__shfl_up_sync";
    case WarpOperation::shuffle_down:
      return "__shfl_down_sync";
    case WarpOperation::shuffle_xor:
      return "__shfl_xor_sync";
    case WarpOperation::ballot:
      return "__ballot_sync";
    case WarpOperation::synchronize:
      break;
  }
  return "__syncwarp";
}

enum class State { fresh, ready, running, at_barrier, in_warp_call, done };

struct Thread {
  State state = State::fresh;
  Site site;               // of the barrier or the warp call
  bool predicate = false;  // brought to the barrier
  WarpCall call{};
  std::uint64_t result = 0;
  Fiber* fiber = nullptr;
};

struct SharedArray {
  const void* declaration;
  std::string name;
  FencedMemory memory;
};

// Fibers are kept from block to block: making one maps memory.
thread_local std::vector<std::unique_ptr<Fiber>> idle_fibers;

class Block {
 public:
  Block(const Grid& grid, const uint3& index, std::uint64_t salt, const std::function<void()>& body)
      : grid_(grid),
        index_(index),
        body_(body),
        threads_(grid.threads.x * grid.threads.y * grid.threads.z),
        order_(permutation(static_cast<std::uint32_t>(threads_.size()), salt)),
        dynamic_(grid.shared_bytes) {}

  void run();
  int barrier(bool predicate, Site site);
  std::uint64_t warp_call(const WarpCall& call);
  void* shared_array(const void* declaration, std::size_t bytes, const char* name);
  void* dynamic_memory() const { return dynamic_.data(); }
  [[noreturn]] void report(const std::string& what) const;

 private:
  static void work(void* self);
  void begin(std::uint32_t thread);
  void wait(State state);
  void resume(std::uint32_t thread);
  bool release_barrier();
  bool try_warp_call(std::uint32_t first_lane, unsigned mask);
  std::uint64_t warp_result(std::uint32_t first_lane, int lane) const;
  [[noreturn]] void report_stuck();
  std::string describe(std::uint32_t thread) const {
    return fmt::format("thread {}", to_string(index_of(thread, grid_.threads)));
  }

  const Grid& grid_;
  uint3 index_;
  const std::function<void()>& body_;
  std::vector<Thread> threads_;
  std::vector<std::uint32_t> order_;
  std::size_t next_ = 0;              // place in order_ of the next thread to begin
  std::vector<std::uint32_t> ready_;  // may go on, first one last
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::uint32_t current_ = 0;
  std::size_t done_ = 0;
  int barrier_count_ = 0;
  std::exception_ptr failure_;
  std::vector<SharedArray> arrays_;
  FencedMemory dynamic_;
};

thread_local Block* current_block = nullptr;

Block& block_in_progress() {
  DCGAN_CHECK(current_block != nullptr, "emulator: device code called outside of a launch");
  return *current_block;
}

void Block::report(const std::string& what) const {
  fail(ErrorKind::internal, "emulator: kernel {}, block {}: {}", grid_.kernel, to_string(index_),
       what);
}

void Block::begin(std::uint32_t thread) {
  current_ = thread;
  threads_[thread].state = State::running;
  threadIdx = index_of(thread, grid_.threads);
}

// The body of every fiber. Exceptions end here: they cannot cross to another stack.
void Block::work(void* self) {
  auto* block = static_cast<Block*>(self);
  Fiber* fiber = block->fibers_.back().get();
  while (block->next_ < block->order_.size() && !block->failure_) {
    const std::uint32_t thread = block->order_[block->next_++];
    block->begin(thread);
    block->threads_[thread].fiber = fiber;
    try {
      block->body_();
    } catch (...) {
      block->failure_ = std::current_exception();
    }
    block->threads_[thread].state = State::done;
    ++block->done_;
  }
}

void Block::run() {
  blockIdx = index_;
  std::vector<Fiber*> ended;
  while (done_ < threads_.size()) {
    if (next_ < order_.size()) {
      if (idle_fibers.empty()) idle_fibers.push_back(std::make_unique<Fiber>());
      fibers_.push_back(std::move(idle_fibers.back()));
      idle_fibers.pop_back();
      fibers_.back()->start(&Block::work, this);
      fibers_.back()->resume();
    } else if (!ready_.empty() || release_barrier()) {
      const std::uint32_t thread = ready_.back();
      ready_.pop_back();
      resume(thread);
    } else {
      report_stuck();
    }
    if (failure_) std::rethrow_exception(failure_);
  }
  for (auto& fiber : fibers_) idle_fibers.push_back(std::move(fiber));
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
  thread.fiber->yield();
}

int Block::barrier(bool predicate, Site site) {
  threads_[current_].site = site;
  threads_[current_].predicate = predicate;
  wait(State::at_barrier);
  return barrier_count_;
}

// All threads of the block wait at one barrier: let them go, in the chosen order.
bool Block::release_barrier() {
  for (const Thread& thread : threads_) {
    if (thread.state != State::at_barrier) return false;
  }
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

std::uint64_t Block::warp_call(const WarpCall& call) {
  const int lane = static_cast<int>(current_ % kWarpLanes);
  if ((call.mask >> lane & 1u) == 0) {
    report(fmt::format("{} at {}: {} calls with mask {:#010x}, which lacks its own lane {}",
                       name_of(call.operation), to_string(call.site), describe(current_), call.mask,
                       lane));
  }
  if (call.width < 1 || call.width > kWarpLanes || (call.width & (call.width - 1)) != 0) {
    report(fmt::format("{} at {}: width {} is not a power of two up to 32", name_of(call.operation),
                       to_string(call.site), call.width));
  }
  const std::uint32_t self = current_;
  threads_[self].call = call;
  threads_[self].site = call.site;
  threads_[self].state = State::in_warp_call;
  if (!try_warp_call(self - self % kWarpLanes, call.mask)) wait(State::in_warp_call);
  threads_[self].state = State::running;
  return threads_[self].result;
}

// When every lane of the mask is there: computes all results, then lets the others go. Results are
// kept apart from values: a lane that runs ahead may bring its next value before others have read.
bool Block::try_warp_call(std::uint32_t first_lane, unsigned mask) {
  const WarpCall& mine = threads_[current_].call;
  for (int lane = 0; lane < kWarpLanes; ++lane) {
    if ((mask >> lane & 1u) == 0) continue;
    const std::uint32_t other = first_lane + lane;
    if (other >= threads_.size() || threads_[other].state != State::in_warp_call) return false;
    const WarpCall& call = threads_[other].call;
    if (call.mask != mine.mask || call.operation != mine.operation || !(call.site == mine.site)) {
      report(
          fmt::format("{} calls {} with mask {:#010x} at {} while {}, which that mask or the "
                      "other names, calls {} with mask {:#010x} at {}",
                      describe(current_), name_of(mine.operation), mine.mask, to_string(mine.site),
                      describe(other), name_of(call.operation), call.mask, to_string(call.site)));
    }
  }
  std::vector<std::uint32_t> released;
  for (const std::uint32_t thread : order_) {
    const int lane = static_cast<int>(thread % kWarpLanes);
    if (thread - lane != first_lane || (mask >> lane & 1u) == 0) continue;
    threads_[thread].result = warp_result(first_lane, lane);
    if (thread != current_) released.push_back(thread);
  }
  for (const std::uint32_t thread : released) threads_[thread].state = State::ready;
  ready_.insert(ready_.end(), released.rbegin(), released.rend());
  return true;
}

std::uint64_t Block::warp_result(std::uint32_t first_lane, int lane) const {
  const WarpCall& call = threads_[first_lane + lane].call;
  if (call.operation == WarpOperation::synchronize) return 0;
  if (call.operation == WarpOperation::ballot) {
    std::uint64_t bits = 0;
    for (int other = 0; other < kWarpLanes; ++other) {
      if ((call.mask >> other & 1u) != 0 && threads_[first_lane + other].call.value != 0) {
        bits |= std::uint64_t{1} << other;
      }
    }
    return bits;
  }
  // Lanes form segments of `width`. A source outside of the segment means: keep the own value.
  const int segment = lane / call.width * call.width;
  int source = lane;
  switch (call.operation) {
    case WarpOperation::shuffle:
      source = segment + (call.argument & (call.width - 1));
      break;
    case WarpOperation::shuffle_up:
      source = lane - call.argument;
      break;
    case WarpOperation::shuffle_down:
      source = lane + call.argument;
      break;
    case WarpOperation::shuffle_xor:
      source = lane ^ call.argument;
      break;
    default:
      break;
  }
  const bool from_lower = call.operation == WarpOperation::shuffle_xor && source < segment;
  if ((source < segment && !from_lower) || source >= segment + call.width) source = lane;
  if ((call.mask >> source & 1u) == 0) {
    report(fmt::format("{} at {}: {} reads lane {}, which mask {:#010x} lacks",
                       name_of(call.operation), to_string(call.site), describe(first_lane + lane),
                       source, call.mask));
  }
  return threads_[first_lane + source].call.value;
}

// Nobody can go on: somebody waits for a thread that has ended or waits elsewhere.
void Block::report_stuck() {
  const auto find = [this](State state) {
    for (std::uint32_t i = 0; i < threads_.size(); ++i) {
      if (threads_[i].state == state) return static_cast<std::int64_t>(i);
    }
    return std::int64_t{-1};
  };
  const auto in_call = find(State::in_warp_call);
  if (in_call >= 0) {
    const auto caller = static_cast<std::uint32_t>(in_call);
    const WarpCall& call = threads_[caller].call;
    for (std::uint32_t lane = 0; lane < kWarpLanes; ++lane) {
      const std::uint32_t other = caller - caller % kWarpLanes + lane;
      if ((call.mask >> lane & 1u) == 0) continue;
      if (other < threads_.size() && threads_[other].state == State::in_warp_call) continue;
      const char* why = other >= threads_.size()               ? "does not exist"
                        : threads_[other].state == State::done ? "has ended"
                                                               : "waits at a barrier";
      report(fmt::format("{} at {}: {} waits for lane {} (mask {:#010x}), which {}",
                         name_of(call.operation), to_string(call.site), describe(caller), lane,
                         call.mask, why));
    }
  }
  const auto waiting = static_cast<std::uint32_t>(find(State::at_barrier));
  report(fmt::format("{} waits at the barrier at {}, but {} has ended without reaching it",
                     describe(waiting), to_string(threads_[waiting].site),
                     describe(static_cast<std::uint32_t>(find(State::done)))));
}

void* Block::shared_array(const void* declaration, std::size_t bytes, const char* name) {
  for (const SharedArray& array : arrays_) {
    if (array.declaration == declaration) return array.memory.data();
  }
  arrays_.push_back({declaration, name, FencedMemory(bytes)});
  return arrays_.back().memory.data();
}

// The limits of every GPU from compute capability 8.0 on, without opting in to more shared memory.
void check_launch(const Grid& grid) {
  const auto threads = std::uint64_t{grid.threads.x} * grid.threads.y * grid.threads.z;
  const bool fits = threads >= 1 && threads <= 1024 && grid.threads.z <= 64 && grid.blocks.x >= 1 &&
                    grid.blocks.x <= 0x7fffffffu && grid.blocks.y >= 1 && grid.blocks.y <= 65535 &&
                    grid.blocks.z >= 1 && grid.blocks.z <= 65535 &&
                    grid.shared_bytes <= (48u << 10);
  if (fits) return;
  fail(
      ErrorKind::internal,
      "emulator: kernel {}: no GPU takes {} x {} x {} blocks of {} x {} x {} threads with {} bytes "
      "of dynamic shared memory",
      grid.kernel, grid.blocks.x, grid.blocks.y, grid.blocks.z, grid.threads.x, grid.threads.y,
      grid.threads.z, grid.shared_bytes);
}

}  // namespace

void set_order(ThreadOrder order, std::uint64_t seed) { current_order() = {order, seed}; }

void run_grid(const Grid& grid, const std::function<void()>& body) {
  check_launch(grid);
  DCGAN_CHECK(current_block == nullptr, "emulator: a launch from inside of a kernel");
  gridDim = grid.blocks;
  blockDim = grid.threads;
  const std::uint32_t count = grid.blocks.x * grid.blocks.y * grid.blocks.z;
  for (const std::uint32_t place : permutation(count, 0)) {
    Block block(grid, index_of(place, grid.blocks), place + 1, body);
    current_block = &block;
    try {
      block.run();
    } catch (...) {
      current_block = nullptr;
      throw;
    }
    current_block = nullptr;
  }
}

int barrier(bool predicate, Site site) { return block_in_progress().barrier(predicate, site); }

std::uint64_t warp_call(const WarpCall& call) { return block_in_progress().warp_call(call); }

void* shared_array(const void* declaration, std::size_t bytes, const char* name) {
  return block_in_progress().shared_array(declaration, bytes, name);
}

void* dynamic_shared_memory() { return block_in_progress().dynamic_memory(); }

void check_aligned(const volatile void* address, std::size_t bytes, Site site) {
  if (reinterpret_cast<std::uintptr_t>(address) % bytes == 0) return;
  block_in_progress().report(
      fmt::format("{}: an access of {} bytes to an address that is not a multiple of {}",
                  to_string(site), bytes, bytes));
}

}  // namespace dcgan::emulator
