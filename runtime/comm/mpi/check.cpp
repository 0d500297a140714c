#include "runtime/comm/mpi/check.h"

#include <array>
#include <string_view>

namespace dcgan::mpi {
namespace {

ErrorKind kind_of(int error_class) {
  switch (error_class) {
    case MPI_ERR_ARG:
    case MPI_ERR_BUFFER:
    case MPI_ERR_COMM:
    case MPI_ERR_COUNT:
    case MPI_ERR_OP:
    case MPI_ERR_RANK:
    case MPI_ERR_REQUEST:
    case MPI_ERR_ROOT:
    case MPI_ERR_TRUNCATE:
    case MPI_ERR_TYPE:
      return ErrorKind::internal;
    default:
      return ErrorKind::peer_lost;
  }
}

}  // namespace

void fail_call(int code, const char* call, const char* file, int line) {
  int error_class = MPI_ERR_UNKNOWN;
  MPI_Error_class(code, &error_class);
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  if (MPI_Error_string(code, text.data(), &length) != MPI_SUCCESS) length = 0;
  fail(kind_of(error_class), "MPI: {} (code {}) from {} at {}:{}",
       std::string_view(text.data(), static_cast<std::size_t>(length)), code, call, file, line);
}

}  // namespace dcgan::mpi
