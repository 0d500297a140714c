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
//   - an operand of a tensor-core instruction outside the block's shared memory or misaligned
//   - an asynchronous copy that is not waited for before its thread ends
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

enum class WarpOperation {
  shuffle,
  shuffle_up,
  shuffle_down,
  shuffle_xor,
  ballot,
  synchronize,
  mma_bf16,
  mma_tf32,
  load_matrix,
  load_matrix_transposed
};

inline constexpr unsigned kAllLanes = 0xffffffffu;

/// A lane's part of a matrix product, in the layouts of kernels/common/cuda/tensor_core.h.
struct MultiplyOperands {
  float* sum;              ///< 4 values, added to
  const std::uint32_t* a;  ///< 4 words
  const std::uint32_t* b;  ///< 2 words
};

/// A lane's part of ldmatrix.
struct MatrixOperands {
  std::uint32_t* word;  ///< out: one of each matrix
  int matrices;
  std::uint32_t row[4];  ///< the row whose address the lane gave
};

struct WarpCall {
  WarpOperation operation;
  unsigned mask;
  std::uint64_t value;  ///< bits
  int argument;         ///< source lane, distance or lane mask
  int width;
  Site site;
  void* operands = nullptr;  ///< of a matrix operation, in place of `value`
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
/// Throws unless, besides, all `bytes` lie in one array of the block's shared memory.
void check_shared(const void* address, std::size_t bytes, Site site);

/// Does the calling lane give the address of a row to an ldmatrix of so many matrices?
bool lane_gives_row(int matrices);

/// `value` as cvt.rna.tf32.f32 gives it.
std::uint32_t round_to_tf32(float value);

/// A copy of 4 or 16 bytes by cp.async; without a source it writes zeros.
struct AsyncCopy {
  void* shared = nullptr;
  const void* global = nullptr;
  int bytes = 0;
  Site site;
};
/// For the calling thread: adds a copy to its open group; closes the group.
void begin_copy(const AsyncCopy& copy);
void commit_copies();
/// Takes the thread's next copy in a closed group older than the last `pending`; false: none left.
bool finish_copy(int pending, AsyncCopy* copy);

}  // namespace dcgan::emulator
