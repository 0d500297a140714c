// Fibers: functions with their own stack that can be suspended and resumed. A switch saves six
// registers on x86-64 (a few nanoseconds); other processors use swapcontext (about 200). A fiber
// runs only on the operating system's thread that made it.
#pragma once

#include <cstddef>
#include <memory>

namespace dcgan::emulator {

class Fiber {
 public:
  using Entry = void (*)(void* argument);

  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Sets the function that the next resume() starts. The fiber should be new or have ended; if it
  /// is suspended, it is abandoned, and objects on its stack are never destroyed.
  void start(Entry entry, void* argument);
  /// Runs the fiber until it yields or its entry returns. Not from inside a fiber.
  void resume();
  /// Inside a fiber: suspends it and returns to the caller of resume().
  void yield();

 private:
  struct Machine;
  std::unique_ptr<Machine> machine_;
};

}  // namespace dcgan::emulator
