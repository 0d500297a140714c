// The vendor libraries' handles of a stream. Included by .cpp files only.
#pragma once

#include <cublasLt.h>
#include <cudnn_graph.h>

#include <memory>

#include "runtime/device/context.h"

namespace dcgan::cuda {

/// cuDNN's and cuBLASLt's handles, bound to a context's stream. Making them takes tens of
/// milliseconds and device memory, so the plans of one stream share them.
class Libraries {
 public:
  explicit Libraries(const Context& context);
  ~Libraries();
  Libraries(const Libraries&) = delete;  // owns the handles
  Libraries& operator=(const Libraries&) = delete;

  /// Those of the context's stream: made by its first plan, released with its last, which must not
  /// outlive the context. Thread-safe. Throws Error(unavailable) when a library cannot start.
  static std::shared_ptr<const Libraries> of(const Context& context);

  cudnnHandle_t cudnn() const { return cudnn_; }
  cublasLtHandle_t cublas() const { return cublas_; }

 private:
  cudnnHandle_t cudnn_ = nullptr;
  cublasLtHandle_t cublas_ = nullptr;
};

[[noreturn]] void fail_cublas(cublasStatus_t status, const char* call, const char* file, int line);

}  // namespace dcgan::cuda

/// Throws Error with cuBLAS's name of the status, the call, file and line, unless it succeeds.
#define CUBLAS_TRY(call)                                                        \
  do {                                                                          \
    const cublasStatus_t cublas_try_status = (call);                            \
    if (cublas_try_status != CUBLAS_STATUS_SUCCESS) [[unlikely]]                \
      ::dcgan::cuda::fail_cublas(cublas_try_status, #call, __FILE__, __LINE__); \
  } while (false)
