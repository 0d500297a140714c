#include "kernels/vendor/cuda/cudnn_device_properties.h"

#include <fmt/format.h>

namespace dcgan::cuda {
namespace {

struct Properties {
  int version;  // compute capability, as cuDNN counts: 900 is 9.0
  int multiprocessors;
  int shared_bytes_opt_in;
  std::int64_t l2_bytes;
  std::int64_t memory_bytes;
  const char* name;
};

// Public figures of A100 SXM 80 GB, H200 and B200; cuDNN reads them to choose, not to refuse.
constexpr Properties kKnown[] = {
    {800, 108, 166912, 41943040, 85899345920, "A100"},
    {900, 132, 232448, 62914560, 150754820096, "H200"},
    {1000, 148, 232448, 132644864, 193273528320, "B200"},
};

}  // namespace

Descriptor describe_gpu(int major, int minor) {
  for (const Properties& gpu : kKnown) {
    if (gpu.version != major * 100 + minor * 10) continue;
    Descriptor result(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
    result.set(
        CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
        fmt::format(
            R"({{"version":1,"deviceId":0,"cudaDeviceId":0,"deviceVer":{},"driverVer":13000,)"
            R"("maxGridSize":[2147483647,65535,65535],"maxBlockSize":[1024,1024,64],)"
            R"("regsPerBlock":65536,"multiProcessorCount":{},"warpSize":32,)"
            R"("maxSharedMemoryPerBlock":49152,"maxSharedMemoryPerBlockOptin":{},)"
            R"("reservedSharedMemoryPerBlock":1024,"maxRegistersPerSM":65536,"maxCtasPerSM":32,)"
            R"("maxThreadsPerBlock":1024,"maxThreadsPerSM":2048,"pciDeviceId":0,"isTccDriver":0,)"
            R"("supportCoopLaunch":1,"smClockRateKHz":1980000,"memClockRateKHz":3201000,)"
            R"("l2CacheSize":{},"totalGlobalMem":{},"deviceName":"{}"}})",
            gpu.version, gpu.multiprocessors, gpu.shared_bytes_opt_in, gpu.l2_bytes,
            gpu.memory_bytes, gpu.name));
    result.finalize();
    return result;
  }
  fail(ErrorKind::internal, "cuDNN: no description of a GPU of compute capability {}.{}", major,
       minor);
}

}  // namespace dcgan::cuda
