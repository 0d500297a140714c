// Named ranges on the host's time line of NVIDIA's profilers (NVTX): load, D, G, step, save.
//
// A range covers calls of the host, not work of the GPU. When a step is replayed as a CUDA graph, D
// and G appear once, at its capture; every replay shows the range "step" around the launch.
#pragma once

#include "runtime/base/build_config.h"

namespace dcgan {

namespace cuda {
void push_profile_range(const char* name) noexcept;
void pop_profile_range() noexcept;
}  // namespace cuda

/// A range from here to the end of the scope. Does nothing in builds without the CUDA engine; costs
/// one check of a pointer when no profiler is attached.
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
