// ThreadSanitizer as a checker of kernels (preset `emulated-tsan`; empty elsewhere): to it each
// CUDA thread is a thread of its own, whatever stack it runs on, so what two threads of a grid do
// is ordered by what CUDA orders and by nothing else: the launch, __syncthreads, __syncwarp,
// fences. Shuffles order nothing, and blocks of a grid run at the same time
// (for the limits of that see block.cpp).
#pragma once

#if defined(DCGAN_RACE_CHECK)
#include <sanitizer/tsan_interface.h>

extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}
#endif

namespace dcgan::emulator {

#if defined(DCGAN_RACE_CHECK)

inline constexpr bool kRaceCheck = true;

/// What this thread has done comes before what a thread does after order_after(tag). Tags are eight
/// aligned bytes each.
inline void order_before(void* tag) { __tsan_release(tag); }
inline void order_after(void* tag) { __tsan_acquire(tag); }

inline void begin_unobserved() {
  AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
  AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
}
inline void end_unobserved() {
  AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
  AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}

#else

inline constexpr bool kRaceCheck = false;
inline void order_before(void*) {}
inline void order_after(void*) {}
inline void begin_unobserved() {}
inline void end_unobserved() {}

#endif

/// While it lives, this thread's accesses are not looked at, and what it allocates is as new: the
/// emulator's own work, which is no part of the kernel.
class Unobserved {
 public:
  Unobserved() { begin_unobserved(); }
  ~Unobserved() { end_unobserved(); }
  Unobserved(const Unobserved&) = delete;
  Unobserved& operator=(const Unobserved&) = delete;
};

}  // namespace dcgan::emulator
