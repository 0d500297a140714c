// A recorded sequence of operations, replayed with one call: a CUDA graph.
#pragma once

#include <functional>

#include "runtime/device/context.h"
#include "runtime/device/graph_size.h"

struct CUgraphExec_st;

namespace dcgan {

/// On a GPU only: a CPU has no launches whose cost a graph would save. There, call the operations.
///
/// A graph holds the addresses that its operations were given: every buffer must have been
/// allocated before the capture, outlive the graph and stay at its address. Values that change from
/// replay to replay (the step, the inputs) are read from device memory.
class Graph {
 public:
  Graph() = default;  ///< holds nothing
  /// Calls enqueue() while the context's stream records operations instead of running them; nothing
  /// is computed. enqueue() may not allocate, wait, or query whether work is done. Run each plan
  /// once before the capture, so that its one-time initialisation is done. Throws Error(internal)
  /// on a CPU context, when nothing was enqueued, and when CUDA refuses. What enqueue() throws
  /// passes through; the stream can be used again.
  Graph(const Context& context, const std::function<void()>& enqueue);
  ~Graph();
  Graph(Graph&& other) noexcept;
  Graph& operator=(Graph&& other) noexcept;

  /// Enqueues one replay.
  void launch(const Context& context) const;
  /// The number of recorded operations.
  const GraphSize& size() const { return size_; }
  bool empty() const { return handle_ == nullptr; }

 private:
  void release() noexcept;
  CUgraphExec_st* handle_ = nullptr;
  GraphSize size_;
};

}  // namespace dcgan
