// Passes of a generator that a GPU gets as one graph each.
#pragma once

#include <array>
#include <functional>

#include "kernels/input/latent.h"
#include "runtime/base/tensor.h"
#include "runtime/device/graph.h"

namespace dcgan {

/// What a graph has inside: a pass with another binding needs another graph.
struct PassBinding {
  enum class Latent { uploaded, drawn };
  Latent latent = Latent::uploaded;
  LatentOptions draw;  // with Latent::drawn
  const void* images = nullptr;
  DType dtype = DType::f32;  // of images

  friend bool operator==(const PassBinding& a, const PassBinding& b);
};

class CapturedPasses {
 public:
  /// Enqueues a pass: on a GPU the first time by enqueue() (libraries do once what a capture
  /// refuses), then by a graph that is captured the second time. Keeps the last few bindings.
  void run(const Context& context, const PassBinding& binding,
           const std::function<void()>& enqueue);

 private:
  struct Entry {
    PassBinding binding;
    bool has_run = false;
    Graph graph;
  };
  static constexpr std::size_t kKept = 4;
  Entry& entry_of(const PassBinding& binding);

  std::array<Entry, kKept> entries_;
  std::size_t oldest_ = 0;
};

}  // namespace dcgan
