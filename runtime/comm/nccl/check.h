// NCCL_TRY: every call of NCCL goes through it. Included by the .cpp files of this folder only.
#pragma once

#include <nccl.h>

#include <string>

#include "runtime/base/errors.h"

namespace dcgan::nccl {

/// Wrong arguments and wrong use are bugs of ours. The rest comes from the other ranks and the way
/// to them.
inline ErrorKind kind_of(ncclResult_t result) {
  switch (result) {
    case ncclInvalidArgument:
    case ncclInvalidUsage:
      return ErrorKind::internal;
    default:
      return ErrorKind::peer_lost;
  }
}

/// NCCL's texts of the result and of what went wrong last.
inline std::string text_of(ncclResult_t result, ncclComm_t communicator) {
  const char* last = ncclGetLastError(communicator);
  return fmt::format("NCCL: {}{}{}", ncclGetErrorString(result),
                     last == nullptr || *last == '\0' ? "" : ": ", last == nullptr ? "" : last);
}

[[noreturn]] inline void fail_call(ncclResult_t result, ncclComm_t communicator, const char* call,
                                   const char* file, int line) {
  fail(kind_of(result), "{} from {} at {}:{}", text_of(result, communicator), call, file, line);
}

}  // namespace dcgan::nccl

/// Throws Error with NCCL's texts, the call, file and line, unless the call succeeded or is in
/// progress. `communicator` may be null.
#define NCCL_TRY(communicator, call)                                                      \
  do {                                                                                    \
    const ncclResult_t nccl_try_result = (call);                                          \
    if (nccl_try_result != ncclSuccess && nccl_try_result != ncclInProgress) [[unlikely]] \
      ::dcgan::nccl::fail_call(nccl_try_result, communicator, #call, __FILE__, __LINE__); \
  } while (false)
