#include "apps/device_choice.h"

#include <fmt/format.h>

#include "runtime/base/build_config.h"
#include "runtime/base/parallel.h"
#include "runtime/device/cuda/runtime.h"

namespace dcgan {

Context open_device(DeviceChoice choice) {
  constexpr Device kCpu{DeviceType::cpu, 0};
  constexpr Device kGpu{DeviceType::cuda, 0};
  if (choice == DeviceChoice::cpu) return Context(kCpu);
  if (choice == DeviceChoice::cuda) return Context(kGpu);
  if constexpr (kHasCuda) {
    if (cuda::device_count() > 0) return Context(kGpu);
    fmt::print(stderr, "device: no GPU found, computing on the CPU with {} threads\n",
               thread_count());
  } else {
    fmt::print(stderr,
               "device: computing on the CPU with {} threads (this build has no CUDA engine)\n",
               thread_count());
  }
  return Context(kCpu);
}

void apply_threads(std::int64_t threads) {
  if (threads > 0) set_thread_count(static_cast<int>(threads));
}

}  // namespace dcgan
