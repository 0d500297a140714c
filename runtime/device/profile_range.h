// Named ranges on the host's time line for NVIDIA's profilers (NVTX): load, D, G, step, save.
//
// A range covers the host's calls, not the GPU's work. In a step that is replayed as a CUDA graph,
// D and G were passed once, when it was captured; the profiler then shows "step" around the launch.
#pragma once

#include "runtime/base/build_config.h"

namespace dcgan {

namespace cuda {
void push_profile_range(const char* name) noexcept;
void pop_profile_range() noexcept;
}  // namespace cuda

/// A range from here to the end of the scope. Nothing in builds without the CUDA engine; one call
/// through a null pointer's check where no profiler is attached.
class ProfileRange {
 public:
  explicit ProfileRange([[maybe_unused]] const char* name) {
    if constexpr (kHasCuda) cuda::push_profile_range(name);
  }
  ~ProfileRange() {
    if constexpr (kHasCuda) cuda::pop_profile_range();
  }
  ProfileRange(const ProfileRange&) = delete;  // ranges nest as scopes do
  ProfileRange& operator=(const ProfileRange&) = delete;
};

}  // namespace dcgan
