// Devices: which there are, and whether they can run this build.
#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include "runtime/base/build_config.h"
#include "runtime/device/architectures.h"
#include "runtime/device/cuda/check.h"
#include "runtime/device/cuda/runtime.h"

namespace dcgan::cuda {
namespace {

std::string version_text(int version) {
  return version == 0 ? "none" : fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

struct Versions {
  int driver = 0;
  int runtime = 0;
};

Versions versions() {
  Versions result;
  // Without a driver the first gives 0. Errors are those that cudaGetDeviceCount returns, too.
  cudaDriverGetVersion(&result.driver);
  cudaRuntimeGetVersion(&result.runtime);
  return result;
}

// The number of GPUs. Throws when there is no driver, an old one or no GPU.
int require_driver(int ordinal) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return count;
  cudaGetLastError();
  const Versions found = versions();
  if (found.driver == 0) {
    fail(ErrorKind::unavailable,
         "device cuda:{}: no NVIDIA driver is loaded (this build needs one for CUDA {}): install "
         "it, or use --device cpu",
         ordinal, version_text(found.runtime));
  }
  if (status == cudaErrorInsufficientDriver) {
    fail(
        ErrorKind::unavailable,
        "device cuda:{}: the NVIDIA driver serves CUDA {}, this build needs {}: update the driver, "
        "or use --device cpu",
        ordinal, version_text(found.driver), version_text(found.runtime));
  }
  fail(ErrorKind::unavailable,
       "device cuda:{}: the driver (CUDA {}, this build {}) shows no GPU ({}): see nvidia-smi and "
       "CUDA_VISIBLE_DEVICES, or use --device cpu",
       ordinal, version_text(found.driver), version_text(found.runtime),
       cudaGetErrorString(status == cudaSuccess ? cudaErrorNoDevice : status));
}

cudaDeviceProp properties(int ordinal) {
  cudaDeviceProp result{};
  CUDA_TRY(cudaGetDeviceProperties(&result, ordinal));
  return result;
}

// From attributes: cudaDeviceProp has no clocks since CUDA 13. The emulated device has none.
int clock_khz(cudaDeviceAttr attribute, int ordinal) {
  int khz = 0;
  if constexpr (!kEmulated) CUDA_TRY(cudaDeviceGetAttribute(&khz, attribute, ordinal));
  return khz;
}

}  // namespace

void require_device(int ordinal) {
  const int count = require_driver(ordinal);
  if (ordinal < 0 || ordinal >= count) {
    fail(ErrorKind::unavailable, "device cuda:{}: there {} {} GPU{} here, counted from 0", ordinal,
         count == 1 ? "is" : "are", count, count == 1 ? "" : "s");
  }
  if constexpr (kEmulated) return;  // its kernels are compiled for the host
  const cudaDeviceProp device = properties(ordinal);
  if (runs_on(kCudaArchitectures, device.major, device.minor)) return;
  const Versions found = versions();
  fail(ErrorKind::unavailable,
       "device cuda:{}: {} has compute capability {}.{}, this build holds kernels for {} (driver "
       "CUDA {}, build CUDA {}): configure with -DDCGAN_CUDA_ARCHITECTURES={}{}, or use --device "
       "cpu",
       ordinal, device.name, device.major, device.minor, kCudaArchitectures,
       version_text(found.driver), version_text(found.runtime), device.major, device.minor);
}

int device_count() noexcept {
  int count = 0;
  if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
  cudaGetLastError();
  return 0;
}

std::string device_uuid(int ordinal) {
  const cudaDeviceProp device = properties(ordinal);
  std::string text = "GPU";
  for (int byte = 0; byte < 16; ++byte) {
    const bool starts_group = byte == 0 || byte == 4 || byte == 6 || byte == 8 || byte == 10;
    text += fmt::format("{}{:02x}", starts_group ? "-" : "",
                        static_cast<unsigned char>(device.uuid.bytes[byte]));
  }
  return text;
}

bool can_overlap_launches(int ordinal) {
  if constexpr (kEmulated) return false;
  int major = 0;
  CUDA_TRY(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, ordinal));
  return major >= 9;
}

DeviceDescription describe_device(int ordinal) {
  require_device(ordinal);
  const cudaDeviceProp device = properties(ordinal);
  const MemoryInfo memory = memory_info(ordinal);
  const Versions found = versions();
  return {device.name,
          device.major,
          device.minor,
          device.multiProcessorCount,
          memory.total_bytes,
          memory.free_bytes,
          static_cast<std::size_t>(device.l2CacheSize),
          found.driver,
          found.runtime,
          clock_khz(cudaDevAttrClockRate, ordinal),
          clock_khz(cudaDevAttrMemoryClockRate, ordinal)};
}

}  // namespace dcgan::cuda
