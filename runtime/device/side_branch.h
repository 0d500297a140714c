// A second stream beside a context's, for work that what follows on the first need not wait for.
#pragma once

#include <optional>

#include "runtime/device/context.h"
#include "runtime/device/event.h"

namespace dcgan {

/// Fork, enqueue on context(), join. Where the device has no streams (the CPU) the branch is the
/// context itself. A capture of the context's stream takes in what is forked and joined during it.
class SideBranch {
 public:
  /// `main` must outlive the branch; its memory resources serve the branch, too.
  explicit SideBranch(const Context& main);

  /// Where the branch's work is enqueued.
  const Context& context() const { return own_ ? *own_ : main_; }
  /// What is enqueued on the branch from now on starts after what is on the main stream now.
  void fork() { fork(main_); }
  /// The same behind the work on another stream of the device, itself forked from the main one.
  void fork(const Context& from);
  /// What is enqueued on the main stream from now on starts after what is on the branch now.
  void join();

 private:
  const Context& main_;
  std::optional<Context> own_;
  Event mark_;
};

}  // namespace dcgan
