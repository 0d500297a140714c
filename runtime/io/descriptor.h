// A file descriptor with an owner, and the system calls of this room. Every error is one line: the
// path, the action, the system error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <utility>

struct stat;

namespace dcgan {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      close();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }

  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  /// Closes now; false, with errno set, when the system reports that written data were lost.
  bool close() noexcept;

 private:
  int number_ = -1;
};

/// A regular file, open for reading, and its size when it was opened.
struct OpenedFile {
  Descriptor descriptor;
  std::uint64_t bytes = 0;
};

/// "a folder", "a FIFO", ...: what is named is, for messages.
const char* kind_of(const struct stat& status);

/// Throws Error(io) when it cannot be opened, Error(bad_data) when it is not a regular file. Never
/// waits, not even for the writer of a FIFO.
OpenedFile open_regular_file(const std::filesystem::path& path);

/// Reads at the current position. Returns the number of bytes read, 0 at the end of the file.
std::size_t read_some(const Descriptor& file, std::span<std::byte> to,
                      const std::filesystem::path& path);
/// Fills `to` with the bytes from `offset` on. Throws Error(io) when the file ends too early.
void read_exactly_at(const Descriptor& file, std::span<std::byte> to, std::uint64_t offset,
                     const std::filesystem::path& path);

/// Flushes a folder's entries (new names, renames) to the disk.
void sync_folder(const std::filesystem::path& folder);
/// The folder that holds `path`: "." for a bare name.
std::filesystem::path folder_of(const std::filesystem::path& path);

/// Throws Error(io): "PATH: cannot ACTION: the reason of `error_number`".
[[noreturn]] void fail_system(const std::filesystem::path& path, const char* action,
                              int error_number);

}  // namespace dcgan
