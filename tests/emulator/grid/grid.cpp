#include "tests/emulator/grid/grid.h"

#include "runtime/base/errors.h"
#include "tests/emulator/grid/block.h"
#include "tests/emulator/grid/race_check.h"
#include "tests/emulator/grid/thread_index.h"

thread_local constinit uint3 threadIdx{};
thread_local constinit uint3 blockIdx{};
thread_local constinit dim3 blockDim{1, 1, 1};
thread_local constinit dim3 gridDim{1, 1, 1};

namespace dcgan::emulator {
namespace {

thread_local Block* current_block = nullptr;
thread_local std::uint64_t threads_started = 0;  // of the launch, by start_after_previous()

Block& block_in_progress() {
  DCGAN_CHECK(current_block != nullptr, "emulator: device code called outside of a launch");
  return *current_block;
}

// Dynamic shared memory of a block at most, on compute capability 8.0: launch() opts in to it.
constexpr std::size_t kMostSharedBytes = 227 << 10;  // sm_90, which the emulated devices are

// Limits of an sm_90; those of other GPUs differ in shared memory alone.
void check_launch(const Grid& grid) {
  const auto threads = std::uint64_t{grid.threads.x} * grid.threads.y * grid.threads.z;
  const bool fits = threads >= 1 && threads <= 1024 && grid.threads.z <= 64 && grid.blocks.x >= 1 &&
                    grid.blocks.x <= 0x7fffffffu && grid.blocks.y >= 1 && grid.blocks.y <= 65535 &&
                    grid.blocks.z >= 1 && grid.blocks.z <= 65535 &&
                    grid.shared_bytes <= kMostSharedBytes;
  if (fits) return;
  fail(
      ErrorKind::internal,
      "emulator: kernel {}: no GPU takes {} x {} x {} blocks of {} x {} x {} threads with {} bytes "
      "of dynamic shared memory",
      grid.kernel, grid.blocks.x, grid.blocks.y, grid.blocks.z, grid.threads.x, grid.threads.y,
      grid.threads.z, grid.shared_bytes);
}

void run_blocks(const Grid& grid, const std::function<void()>& body, LaunchTags& tags) {
  const Unobserved emulator_at_work;
  gridDim = grid.blocks;
  blockDim = grid.threads;
  const std::uint32_t count = grid.blocks.x * grid.blocks.y * grid.blocks.z;
  for (const std::uint32_t place : permutation(count, 0)) {
    Block block(grid, index_of(place, grid.blocks), place + 1, body, tags);
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

}  // namespace

void run_grid(const Grid& grid, const std::function<void()>& body) {
  check_launch(grid);
  DCGAN_CHECK(current_block == nullptr, "emulator: a launch from inside of a kernel");
  struct Order : LaunchTags {
    Order() { order_before(&started); }
    ~Order() { order_after(&finished); }
  } order;
  run_blocks(grid, body, order);
}

void run_kernel(const Grid& grid, const std::function<void()>& body) {
  threads_started = 0;
  run_grid(grid, body);
  const std::uint64_t threads = std::uint64_t{grid.blocks.x} * grid.blocks.y * grid.blocks.z *
                                grid.threads.x * grid.threads.y * grid.threads.z;
  if (threads_started == threads) return;
  fail(ErrorKind::internal,
       "emulator: kernel {}: {} calls of start_after_previous() by {} threads; each calls it once, "
       "before its first access to memory",
       grid.kernel, threads_started, threads);
}

void start_after_previous() {
  const Unobserved emulator_at_work;
  ++threads_started;
}

int barrier(bool predicate, Site site) {
  const Unobserved emulator_at_work;
  return block_in_progress().barrier(predicate, site);
}

std::uint64_t warp_call(const WarpCall& call) {
  const Unobserved emulator_at_work;
  return block_in_progress().warp_call(call);
}

// One race is not found: two fences order their threads here even without the atomic operation that
// CUDA requires between them.
void fence() {
  static std::uint64_t tag = 0;
  order_after(&tag);
  order_before(&tag);
}

void* shared_array(const void* declaration, std::size_t bytes, const char* name) {
  const Unobserved emulator_at_work;
  return block_in_progress().shared_array(declaration, bytes, name);
}

void* dynamic_shared_memory() { return block_in_progress().dynamic_memory(); }

void check_aligned(const volatile void* address, std::size_t bytes, Site site) {
  if (reinterpret_cast<std::uintptr_t>(address) % bytes == 0) return;
  const Unobserved emulator_at_work;
  block_in_progress().report(
      fmt::format("{}: an access of {} bytes to an address that is not a multiple of {}",
                  to_string(site), bytes, bytes));
}

void check_shared(const void* address, std::size_t bytes, Site site) {
  check_aligned(address, bytes, site);
  const Unobserved emulator_at_work;
  block_in_progress().check_shared(address, bytes, site);
}

bool lane_gives_row(int matrices) {
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  return thread % kWarpLanes < static_cast<unsigned>(matrices) * 8;
}

void begin_copy(const AsyncCopy& copy) {
  const Unobserved emulator_at_work;
  block_in_progress().begin_copy(copy);
}

void commit_copies() {
  const Unobserved emulator_at_work;
  block_in_progress().commit_copies();
}

bool finish_copy(int pending, AsyncCopy* copy) {
  const Unobserved emulator_at_work;
  return block_in_progress().finish_copy(pending, copy);
}

}  // namespace dcgan::emulator
