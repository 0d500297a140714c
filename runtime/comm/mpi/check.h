// MPI_TRY: every call of MPI goes through it. Included by the .cpp files of this folder only.
#pragma once

#include <mpi.h>

#include "runtime/base/errors.h"

namespace dcgan::mpi {

/// Throws with MPI's text. Wrong arguments, and ranks whose calls do not match, are bugs of ours:
/// Error(internal). The rest comes from the other ranks and the way to them: Error(peer_lost).
[[noreturn]] void fail_call(int code, const char* call, const char* file, int line);

}  // namespace dcgan::mpi

/// Throws Error with MPI's text, the call, file and line, unless the call succeeded. Needs an error
/// handler that returns.
#define MPI_TRY(call)                                                   \
  do {                                                                  \
    const int mpi_try_code = (call);                                    \
    if (mpi_try_code != MPI_SUCCESS) [[unlikely]]                       \
      ::dcgan::mpi::fail_call(mpi_try_code, #call, __FILE__, __LINE__); \
  } while (false)
