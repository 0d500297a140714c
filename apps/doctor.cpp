// dcgan doctor

#include <fmt/format.h>

#include <memory>
#include <thread>

#include "apps/commands.h"
#include "kernels/library_versions.h"
#include "runtime/base/build_config.h"
#include "runtime/base/parallel.h"
#include "runtime/device/context.h"
#include "runtime/device/cuda_runtime.h"

namespace dcgan {
namespace {

void line(std::string_view what, std::string_view value) { fmt::print("{:<16} {}\n", what, value); }

void report_gpu() {
  if constexpr (kHasCuda) {
    line("CUDA engine", fmt::format("yes, code for sm_{}{}", kCudaArchitectures,
                                    kEmulated ? " (emulated device)" : ""));
    try {
      const int count = cuda::device_count();
      if (count == 0) cuda::require_device(0);  // says what is missing
      for (int ordinal = 0; ordinal < count; ++ordinal) {
        const cuda::DeviceDescription gpu = cuda::describe_device(ordinal);
        line(fmt::format("GPU {}", ordinal),
             fmt::format("{}, sm_{}{}, {} multiprocessors, {:.1f} GiB ({:.1f} free), driver for "
                         "CUDA {}.{}, built with {}.{}",
                         gpu.name, gpu.major, gpu.minor, gpu.multiprocessors,
                         static_cast<double>(gpu.memory_bytes) / (1 << 30),
                         static_cast<double>(gpu.free_bytes) / (1 << 30), gpu.driver_version / 1000,
                         gpu.driver_version % 1000 / 10, gpu.runtime_version / 1000,
                         gpu.runtime_version % 1000 / 10));
      }
    } catch (const Error& error) {
      line("GPU", fmt::format("none usable: {}", error.what()));
    }
  } else {
    line("CUDA engine", "no; for one: install the CUDA toolkit and cuDNN 9, configure again");
  }
}

int doctor() {
  line("dcgan", fmt::format("{} ({}, processors from {})", kVersion, kBuildType, kBaseline));
  line("CPU", fmt::format("{} cores, {} threads in use", std::thread::hardware_concurrency(),
                          thread_count()));
  std::string why;
  line("CPU bf16", cpu_computes_bf16(&why) ? "yes" : fmt::format("no: {}", why));
  for (const auto& [library, version] : library_versions()) line(library, version);
  report_gpu();
  return 0;
}

}  // namespace

Command add_doctor(CLI::App& app) {
  app.footer("Example:\n  dcgan doctor");
  return [] { return doctor(); };
}

}  // namespace dcgan
