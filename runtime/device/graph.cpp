#include "runtime/device/graph.h"

#include <utility>

#include "runtime/base/build_config.h"
#include "runtime/base/errors.h"
#include "runtime/device/cuda/runtime.h"

namespace dcgan {

Graph::Graph(const Context& context, [[maybe_unused]] const std::function<void()>& enqueue) {
  DCGAN_CHECK(context.is_cuda(), "graph: {} has no graphs; call the operations themselves",
              to_string(context.device()));
  if constexpr (kHasCuda) {
    cuda::begin_capture(context.stream());
    try {
      enqueue();
    } catch (...) {
      cuda::abandon_capture(context.stream());
      throw;
    }
    handle_ = cuda::end_capture(context.stream(), &size_);
    if (size_.nodes == 0) {
      release();
      fail(ErrorKind::internal, "graph: nothing was enqueued on {} during the capture",
           to_string(context.device()));
    }
  }
}

Graph::~Graph() { release(); }

Graph::Graph(Graph&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), size_(std::exchange(other.size_, {})) {}

Graph& Graph::operator=(Graph&& other) noexcept {
  if (this == &other) return *this;
  release();
  handle_ = std::exchange(other.handle_, nullptr);
  size_ = std::exchange(other.size_, {});
  return *this;
}

void Graph::release() noexcept {
  if constexpr (kHasCuda) {
    if (handle_ != nullptr) cuda::destroy_graph(handle_);
  }
  handle_ = nullptr;
}

void Graph::launch([[maybe_unused]] const Context& context) const {
  DCGAN_CHECK(handle_ != nullptr, "graph: launched before anything was captured");
  if constexpr (kHasCuda) cuda::launch_graph(handle_, context.stream());
}

}  // namespace dcgan
