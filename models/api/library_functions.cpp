// The functions of dcgan.h that concern the library as a whole.
#include "kernels/vendor/library_versions.h"
#include "models/api/sized_struct.h"
#include "runtime/base/build_config.h"
#include "runtime/device/cuda/runtime.h"

using namespace dcgan;

extern "C" {

const char* dcgan_last_error(void) { return api::last_error(); }

const char* dcgan_status_name(std::int32_t status) {
  switch (status) {
    case DCGAN_OK:
      return "ok";
    case DCGAN_ERROR_USAGE:
      return "usage";
    case DCGAN_ERROR_BUSY:
      return "busy";
    case DCGAN_ERROR_FORKED:
      return "forked";
    case DCGAN_ERROR_BAD_DATA:
      return "bad data";
    case DCGAN_ERROR_UNAVAILABLE:
      return "unavailable";
    case DCGAN_ERROR_INTERNAL:
      return "internal";
    case DCGAN_ERROR_IO:
      return "input or output";
    case DCGAN_ERROR_CONFIG:
      return "configuration";
  }
  return "unknown";
}

dcgan_status dcgan_library_query(dcgan_library_info* info) {
  return api::guarded("dcgan_library_query", [&] {
    dcgan_library_info known{};
    known.version = kVersion;
    known.cuda_architectures = kHasCuda ? kCudaArchitectures : "";
    known.version_number = DCGAN_HEADER_VERSION;
    known.has_cuda = kHasCuda ? 1 : 0;
    if constexpr (kHasCuda) known.cuda_devices = cuda::device_count();
    known.cpu_has_bf16 = cpu_computes_bf16() ? 1 : 0;
    api::write_struct(known, info, "dcgan_library_info");
  });
}

}  // extern "C"
