// Checks kernels for races with ThreadSanitizer (preset `emulated-tsan`; empty elsewhere). Each
// CUDA thread is a thread for the sanitizer, whatever stack it runs on. Accesses of two threads of
// a grid are ordered only by what orders them in CUDA: the launch, __syncthreads, __syncwarp and
// fences. Shuffles order nothing. Blocks of a grid count as concurrent (block.cpp has the limits of
// that).
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

/// Orders this thread's accesses so far before those of a thread that calls order_after(tag) later.
/// A tag is eight aligned bytes.
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

/// While it exists, this thread's accesses are not checked, and memory that it allocates counts as
/// new: for the emulator's own work, which is not part of the kernel.
class Unobserved {
 public:
  Unobserved() { begin_unobserved(); }
  ~Unobserved() { end_unobserved(); }
  Unobserved(const Unobserved&) = delete;
  Unobserved& operator=(const Unobserved&) = delete;
};

}  // namespace dcgan::emulator
