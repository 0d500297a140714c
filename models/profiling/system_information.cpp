#include "models/profiling/system_information.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "kernels/vendor/library_versions.h"
#include "models/profiling/revision.h"
#include "runtime/base/build_config.h"
#include "runtime/base/errors.h"
#include "runtime/base/parallel.h"
#include "runtime/comm/mpi/mpi_communicator.h"
#include "runtime/device/cuda/runtime.h"

namespace dcgan {
namespace {

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

// The clocks of the cores at this moment.
std::string processor_clock() {
  std::ifstream info("/proc/cpuinfo");
  double least = 0, most = 0;
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with("cpu MHz")) continue;
    const double mhz = std::strtod(line.c_str() + line.find(':') + 1, nullptr);
    least = least == 0 ? mhz : std::min(least, mhz);
    most = std::max(most, mhz);
  }
  return most > 0 ? fmt::format("{:.0f} to {:.0f} MHz now", least, most) : "unknown";
}

std::string version_text(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

std::string gpu_text(int ordinal) {
  const cuda::DeviceDescription gpu = cuda::describe_device(ordinal);
  constexpr double kGiB = 1 << 30;
  const std::string clocks = gpu.clock_khz == 0
                                 ? std::string()  // the driver does not say
                                 : fmt::format("up to {} MHz (memory {}), ", gpu.clock_khz / 1000,
                                               gpu.memory_clock_khz / 1000);
  return fmt::format(
      "{}, sm_{}{}, {} multiprocessors, {:.1f} GiB ({:.1f} free), {}driver for CUDA {}, "
      "built with {}",
      gpu.name, gpu.major, gpu.minor, gpu.multiprocessors,
      static_cast<double>(gpu.memory_bytes) / kGiB, static_cast<double>(gpu.free_bytes) / kGiB,
      clocks, version_text(gpu.driver_version), version_text(gpu.runtime_version));
}

void add_gpu_facts(Facts& facts) {
  if constexpr (kHasCuda) {
    facts.emplace_back("CUDA engine", fmt::format("yes, code for sm_{}{}", kCudaArchitectures,
                                                  kEmulated ? " (emulated device)" : ""));
    facts.emplace_back("several GPUs",
                       kHasNccl ? "yes, by NCCL" : "no; for them: install NCCL, configure again");
    try {
      const int count = cuda::device_count();
      if (count == 0) cuda::require_device(0);  // says what is missing
      for (int ordinal = 0; ordinal < count; ++ordinal) {
        facts.emplace_back(fmt::format("GPU {}", ordinal), gpu_text(ordinal));
      }
    } catch (const Error& error) {
      facts.emplace_back("GPU", fmt::format("none usable: {}", error.what()));
    }
  } else {
    facts.emplace_back("CUDA engine",
                       "no; for one: install the CUDA toolkit and cuDNN 9, configure again");
  }
}

std::string mpi_text() {
  if constexpr (kHasMpi) return mpi_library();
  return "no; for ranks that mpirun starts: install an MPI library, configure again";
}

}  // namespace

Facts system_information() {
  Facts facts;
  facts.emplace_back("dcgan",
                     fmt::format("{} ({}, processors from {})", kVersion, kBuildType, kBaseline));
  facts.emplace_back("revision", kRevision);
  facts.emplace_back("CPU", fmt::format("{}, {} cores, {} threads in use", processor_name(),
                                        std::thread::hardware_concurrency(), thread_count()));
  facts.emplace_back("CPU clock", processor_clock());
  std::string why;
  facts.emplace_back("CPU bf16", cpu_computes_bf16(&why) ? "yes" : fmt::format("no: {}", why));
  for (auto& [library, version] : library_versions()) facts.emplace_back(library, version);
  facts.emplace_back("MPI", mpi_text());
  add_gpu_facts(facts);
  return facts;
}

std::size_t peak_host_bytes() {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;  // Linux counts KiB
}

}  // namespace dcgan
