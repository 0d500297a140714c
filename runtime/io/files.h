// Files: reads of whole files with a limit, and atomic writes: after a crash a file has its old
// contents or its new ones. Paths are UTF-8. Every error is one line with path and system error.
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
/// is larger than max_bytes, and Error(bad_data) when it is not a regular file (it does not wait
/// for a FIFO).
std::vector<std::byte> read_file(const std::filesystem::path& path, std::uint64_t max_bytes);
std::string read_text_file(const std::filesystem::path& path, std::uint64_t max_bytes);

/// Only a regular file of the same kind is replaced (output_file.h): else Error(config), and
/// nothing is written. Writes beside the target, fsyncs, renames over it, fsyncs the folder. Throws
/// Error(io) with the bytes needed and the bytes free when the disk is full; the target is then as
/// it was. The temporary name is unique: of two programs that write one file, the last to finish
/// replaces the other's file. A program that may run under a file-size limit must ignore SIGXFSZ.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> contents);
void write_text_atomically(const std::filesystem::path& path, std::string_view contents);

/// Parts of a file that are not contiguous in memory.
using FileParts = std::span<const std::span<const std::byte>>;
/// The same for contents in several parts, which are not copied.
void write_parts_atomically(const std::filesystem::path& path, FileParts parts);

/// A folder that appears whole or not at all: files are written into path() ("NAME.tmp"), commit()
/// fsyncs each, renames the folder to NAME and fsyncs the parent. Without commit() the destructor
/// removes it. A stale NAME.tmp is removed first; an existing NAME is replaced at commit(), in one
/// step where the file system can swap two folders; where it cannot (NFS), the old folder is
/// NAME.old for a moment. After a crash in that moment the next AtomicFolder of the same name
/// restores it.
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
/// Throws Error(io) unless a file can be made in the folder.
void require_file_can_be_made(const std::filesystem::path& folder);

/// Throws Error(io) with both figures when the disk of the folder has less room than `bytes`.
/// `what` needs it: "a checkpoint".
void require_free_space(const std::filesystem::path& folder, std::uint64_t bytes,
                        std::string_view what);

/// XXH3-128 of a file's bytes, 32 hexadecimal digits, most significant first.
std::string file_hash(const std::filesystem::path& path);
/// The same of bytes in memory.
std::string bytes_hash(std::span<const std::byte> bytes);
/// XXH3-64 of bytes in memory: the checksum of formats with many parts.
std::uint64_t bytes_checksum(std::span<const std::byte> bytes);

}  // namespace dcgan
