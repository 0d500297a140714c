// One block of a grid: its threads, the barriers and warp operations they wait at, shared memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/emulator/grid/fiber.h"
#include "tests/emulator/grid/grid.h"
#include "tests/emulator/grid/memory.h"

namespace dcgan::emulator {

inline constexpr int kWarpLanes = 32;

uint3 index_of(std::uint32_t linear, const dim3& extent);
std::string to_string(const uint3& index);
std::string to_string(const Site& site);

/// Tags (race_check.h) of a launch: of all work before it, and of the work of its threads.
struct LaunchTags {
  std::uint64_t started = 0;
  std::uint64_t finished = 0;
};

class Block {
 public:
  Block(const Grid& grid, const uint3& index, std::uint64_t salt, const std::function<void()>& body,
        LaunchTags& tags);

  void run();
  int barrier(bool predicate, Site site);
  std::uint64_t warp_call(const WarpCall& call);
  void* shared_array(const void* declaration, std::size_t bytes, const char* name);
  void* dynamic_memory() const { return dynamic_.data(); }
  void check_shared(const void* address, std::size_t bytes, Site site) const;
  void begin_copy(const AsyncCopy& copy);
  void commit_copies();
  bool finish_copy(int pending, AsyncCopy* copy);
  [[noreturn]] void report(const std::string& what) const;

 private:
  enum class State { fresh, ready, running, at_barrier, in_warp_call, done };

  struct Thread {
    State state = State::fresh;
    Site site;               // of the barrier or the warp call
    bool predicate = false;  // argument of __syncthreads_or and its relatives
    WarpCall call{};
    std::uint64_t result = 0;
    Fiber* fiber = nullptr;
    std::uint64_t arrived = 0;   // tags of a __syncwarp: of the work before it in this lane,
    std::uint64_t released = 0;  // and of the work before it in all of its lanes
    std::deque<std::vector<AsyncCopy>> copies;  // closed groups, the oldest first
    std::vector<AsyncCopy> open_copies;         // the group that is not closed yet
  };

  struct SharedArray {
    const void* declaration;
    std::string name;
    FencedMemory memory;
  };

  std::vector<std::unique_ptr<Fiber>>& idle_fibers() const;
  static void work(void* self);
  void begin_next();
  void begin(std::uint32_t thread);
  void wait(State state);
  void resume(std::uint32_t thread);
  bool release_barrier();
  bool try_warp_call(std::uint32_t first_lane, unsigned mask);
  void check_same_call(std::uint32_t other) const;
  void check_copies_waited_for(std::uint32_t thread) const;
  void matrix_operation(std::uint32_t first_lane);
  void multiply(std::uint32_t first_lane, WarpOperation operation);
  void load_matrices(std::uint32_t first_lane, bool transposed);
  void order_lanes(std::uint32_t first_lane, unsigned mask);
  std::uint64_t warp_result(std::uint32_t first_lane, int lane) const;
  [[noreturn]] void report_stuck() const;
  void report_stuck_warp(std::uint32_t caller) const;
  std::string describe(std::uint32_t thread) const;

  const Grid& grid_;
  uint3 index_;
  const std::function<void()>& body_;
  LaunchTags& tags_;
  std::size_t lot_;  // of fibers
  std::vector<Thread> threads_;
  std::vector<std::uint32_t> order_;
  std::size_t next_ = 0;              // index in order_ of the next thread to begin
  std::vector<std::uint32_t> ready_;  // threads that may continue; the next one is the last
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::uint32_t current_ = 0;
  std::size_t done_ = 0;
  int barriers_ = 0;  // passed by all threads
  int barrier_count_ = 0;
  std::uint64_t barrier_tags_[2] = {};  // alternating: threads leave one, others reach the next
  std::exception_ptr failure_;
  std::vector<SharedArray> arrays_;
  FencedMemory dynamic_;
  std::vector<int> lanes_waiting_;      // of each warp: lanes in a warp operation
  std::vector<std::uint32_t> addends_;  // order in which a matrix product adds its terms
};

}  // namespace dcgan::emulator
