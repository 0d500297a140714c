#include "runtime/io/mapped_file.h"

#include <sys/mman.h>

#include <cerrno>
#include <system_error>

#include "runtime/base/errors.h"
#include "runtime/io/descriptor.h"

namespace dcgan {

MappedFile::MappedFile(const std::filesystem::path& path) {
  const OpenedFile file = open_regular_file(path);
  if (file.bytes == 0) return;  // the system maps no empty file
  void* const address =
      ::mmap(nullptr, file.bytes, PROT_READ, MAP_SHARED, file.descriptor.number(), 0);
  if (address == MAP_FAILED) {
    fail(ErrorKind::io, "{}: cannot map {} bytes: {}", path.string(), file.bytes,
         std::generic_category().message(errno));
  }
  bytes_ = {static_cast<const std::byte*>(address), file.bytes};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace dcgan
