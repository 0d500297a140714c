// Files: whole reads with a limit, and writes that leave either the old contents or the new, never
// a mix. Paths are UTF-8. Every error is one line with the path and the system's reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dcgan {

/// The whole file. Throws Error(io) when it cannot be read, Error(bad_data) with both sizes when it
/// is larger than max_bytes, and Error(bad_data) when it is not a regular file (a FIFO never
/// hangs).
std::vector<std::byte> read_file(const std::filesystem::path& path, std::uint64_t max_bytes);
std::string read_text_file(const std::filesystem::path& path, std::uint64_t max_bytes);

/// Writes beside the target, fsyncs, renames over it, fsyncs the folder. Throws Error(io) with the
/// bytes needed and the bytes free when the disk is full; the target is then as it was. The
/// temporary name is unique: of two programs that write one file, the last to finish wins, whole. A
/// program that may meet a file-size limit ignores SIGXFSZ, which would otherwise end it.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> contents);
void write_text_atomically(const std::filesystem::path& path, std::string_view contents);

/// Runs of bytes that lie apart in memory and follow each other in a file.
using FileParts = std::span<const std::span<const std::byte>>;
/// The same for contents that were never in one piece: nothing is joined or copied.
void write_parts_atomically(const std::filesystem::path& path, FileParts parts);

/// A folder that appears whole or not at all: files are written into path() ("NAME.tmp"), commit()
/// fsyncs each, renames the folder to NAME and fsyncs the parent. Without commit() the destructor
/// removes it. A stale NAME.tmp is removed first; an existing NAME is replaced at commit(), in one
/// step where the file system can swap two folders; where it cannot (NFS), NAME is NAME.old for a
/// moment, and a crash in that moment is mended by the next AtomicFolder of the same name.
class AtomicFolder {
 public:
  explicit AtomicFolder(std::filesystem::path target);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  const std::filesystem::path& path() const { return temporary_; }
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path temporary_;
  bool committed_ = false;
};

/// Throws Error(io) unless a file can be made in the folder, which is created when missing.
void require_writable_folder(const std::filesystem::path& path);

/// XXH3-128 of a file's bytes, 32 hexadecimal digits, most significant first.
std::string file_hash(const std::filesystem::path& path);

}  // namespace dcgan
