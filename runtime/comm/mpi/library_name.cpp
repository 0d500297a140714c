#include <mpi.h>

#include <array>
#include <regex>

#include "runtime/comm/mpi/mpi_communicator.h"

namespace dcgan {

std::string mpi_library() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  if (MPI_Get_library_version(text.data(), &length) != MPI_SUCCESS) return "MPI";
  return short_library_name({text.data(), static_cast<std::size_t>(length)});
}

// "Open MPI v4.1.4, package: ...", "MPICH Version:\t4.0.2\nMPICH Release date: ...",
// "Intel(R) MPI Library 2021.6 for Linux* OS".
std::string short_library_name(const std::string& text) {
  std::smatch parts;
  const std::regex name_and_version(R"(^([^\n]*?)\s*(?:[Vv]ersion\s*:?)?\s+v?(\d+(?:\.\d+)*))");
  if (!std::regex_search(text, parts, name_and_version)) return text.substr(0, text.find('\n'));
  return parts.str(1) + " " + parts.str(2);
}

}  // namespace dcgan
