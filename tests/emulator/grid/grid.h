// Runs a grid of CUDA threads on the CPU, to check kernels. Not made to be fast.
//
// The threads of a block are fibers, one running at a time; a thread runs until it waits, at a
// barrier or in a warp operation. When a thread ends, its fiber runs the next thread, so a kernel
// without barriers is a plain loop. Blocks run one after the other. The order of threads and of
// blocks can be chosen: a kernel whose result depends on it lacks a barrier.
//
// Throws Error(internal), naming kernel, block, thread, file and line, for
//   - a barrier that some threads of the block do not reach, have left, or reach at another line
//   - a warp operation whose mask lacks the calling lane, names a lane that does not take part or a
//     lane that calls another operation, or a shuffle that reads a lane outside of the mask
//   - a write outside a shared array (under AddressSanitizer any access, in its own report)
//   - a launch that no GPU would accept
// Every block gets new shared memory, filled with 0xff.
#pragma once

#include <vector_types.h>

#include <cstddef>
#include <cstdint>
#include <functional>

#include "tests/emulator/grid/thread_order.h"

struct CUstream_st;

namespace dcgan::emulator {

struct Grid {
  const char* kernel = "";
  dim3 blocks;
  dim3 threads;
  std::size_t shared_bytes = 0;  ///< dynamic shared memory of a block
};

/// Calls `body` once for every thread of the grid.
void run_grid(const Grid& grid, const std::function<void()>& body);

/// The same for a kernel that launch() starts: also throws when a thread has not called
/// start_after_previous() once.
void run_kernel(const Grid& grid, const std::function<void()>& body);

/// Enqueues a kernel on a stream of the simulated device (runtime/); throws when that is refused.
void enqueue(CUstream_st* stream, const char* kernel, std::function<void()> work);

// For the device language (include/cuda_emulator.h), inside run_grid only.

struct Site {
  const char* file = "";
  unsigned line = 0;
  friend bool operator==(const Site& a, const Site& b) {
    return a.line == b.line && (a.file == b.file || __builtin_strcmp(a.file, b.file) == 0);
  }
};

/// __syncthreads and its relatives: returns the number of threads whose predicate is true.
int barrier(bool predicate, Site site);

enum class WarpOperation { shuffle, shuffle_up, shuffle_down, shuffle_xor, ballot, synchronize };

struct WarpCall {
  WarpOperation operation;
  unsigned mask;
  std::uint64_t value;  ///< bits
  int argument;         ///< source lane, distance or lane mask
  int width;
  Site site;
};
/// The calling lane's result.
std::uint64_t warp_call(const WarpCall& call);

/// __threadfence.
void fence();

void start_after_previous();

/// The block's array for one declaration, made by the first thread that reaches it.
void* shared_array(const void* declaration, std::size_t bytes, const char* name);
void* dynamic_shared_memory();

/// Throws unless the address is a multiple of `bytes`.
void check_aligned(const volatile void* address, std::size_t bytes, Site site);

}  // namespace dcgan::emulator
