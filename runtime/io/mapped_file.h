// A file mapped into memory for reading. All processes of a machine that map it use the same pages,
// and a page is read from the disk when it is first touched.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace dcgan {

class MappedFile {
 public:
  /// Throws Error(io) with path and system error when it cannot be opened or mapped,
  /// Error(bad_data) when it is not a regular file (it does not wait for a FIFO).
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  /// The whole file, as large as it was when it was opened. A page that the system cannot read any
  /// more (the file was cut, the disk failed) ends the process with SIGBUS when it is touched.
  /// Replacing the file by a rename is safe: the mapping keeps the old one.
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace dcgan
