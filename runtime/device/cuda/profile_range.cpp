#include "runtime/device/profile_range.h"

// Header-only, part of the toolkit, but a package of its own in some distributions.
#if __has_include(<nvtx3/nvToolsExt.h>)
#include <nvtx3/nvToolsExt.h>
#define DCGAN_HAS_NVTX 1
#else
#define DCGAN_HAS_NVTX 0
#endif

namespace dcgan::cuda {

void push_profile_range([[maybe_unused]] const char* name) noexcept {
#if DCGAN_HAS_NVTX
  nvtxRangePushA(name);
#endif
}

void pop_profile_range() noexcept {
#if DCGAN_HAS_NVTX
  nvtxRangePop();
#endif
}

}  // namespace dcgan::cuda
