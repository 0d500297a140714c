// A recorded run of operations, replayed with one call: a CUDA graph.
#pragma once

#include <cstddef>
#include <functional>

#include "runtime/device/context.h"

struct CUgraphExec_st;

namespace dcgan {

struct GraphSize {
  std::size_t nodes = 0;    ///< operations: kernels, copies, fills
  std::size_t kernels = 0;  ///< of these, kernels
};

/// On a GPU only: the CPU has no launch cost to save, and its caller simply calls the operations.
///
/// A graph holds the addresses that its operations were given: every buffer must outlive it, stay
/// where it is, and have been allocated before the capture. What changes from replay to replay (the
/// step, the inputs) lies in device memory.
class Graph {
 public:
  Graph() = default;  ///< holds nothing
  /// Calls enqueue() while the context's stream records instead of running; nothing is computed.
  /// enqueue() may not allocate, wait, or ask whether work is done; plans must have run before, so
  /// that what they do only once is done. Throws Error(internal) on a CPU context, when nothing was
  /// enqueued, and when CUDA refuses; what enqueue() throws passes through, the stream usable
  /// again.
  Graph(const Context& context, const std::function<void()>& enqueue);
  ~Graph();
  Graph(Graph&& other) noexcept;
  Graph& operator=(Graph&& other) noexcept;

  /// Enqueues one replay.
  void launch(const Context& context) const;
  /// What was recorded.
  const GraphSize& size() const { return size_; }
  bool empty() const { return handle_ == nullptr; }

 private:
  void release() noexcept;
  CUgraphExec_st* handle_ = nullptr;
  GraphSize size_;
};

}  // namespace dcgan
