#include "kernels/vendor/cuda/libraries.h"

#include <map>
#include <mutex>
#include <utility>

#include "kernels/vendor/cuda/cudnn_descriptor.h"
#include "runtime/base/errors.h"
#include "runtime/device/cuda/runtime.h"

namespace dcgan::cuda {

void fail_cublas(cublasStatus_t status, const char* call, const char* file, int line) {
  const bool unavailable =
      status == CUBLAS_STATUS_NOT_INITIALIZED || status == CUBLAS_STATUS_ALLOC_FAILED ||
      status == CUBLAS_STATUS_ARCH_MISMATCH || status == CUBLAS_STATUS_NOT_SUPPORTED;
  fail(unavailable ? ErrorKind::unavailable : ErrorKind::internal,
       "cuBLASLt {}: {} ({}) from {} at {}:{}", cublasLtGetVersion(),
       cublasLtGetStatusString(status), cublasLtGetStatusName(status), call, file, line);
}

Libraries::Libraries(const Context& context) {
  CUBLAS_TRY(cublasLtCreate(&cublas_));
  try {
    CUDNN_TRY(cudnnCreate(&cudnn_));
    CUDNN_TRY(cudnnSetStream(cudnn_, context.stream()));
  } catch (...) {
    if (cudnn_ != nullptr) cudnnDestroy(cudnn_);
    cublasLtDestroy(cublas_);
    throw;
  }
}

Libraries::~Libraries() {
  cudnnDestroy(cudnn_);
  cublasLtDestroy(cublas_);
}

std::shared_ptr<const Libraries> Libraries::of(const Context& context) {
  static std::mutex mutex;
  // By GPU too: a host program may give the default stream, which has one address on all.
  static std::map<std::pair<int, CUstream_st*>, std::weak_ptr<const Libraries>> shared;
  const std::lock_guard lock(mutex);
  std::erase_if(shared, [](const auto& entry) { return entry.second.expired(); });
  auto& known = shared[{context.device().ordinal, context.stream()}];
  if (auto found = known.lock()) return found;
  const CurrentDevice current(context.device().ordinal);
  auto made = std::make_shared<const Libraries>(context);
  known = made;
  return made;
}

}  // namespace dcgan::cuda
