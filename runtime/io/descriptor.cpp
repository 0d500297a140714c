#include "runtime/io/descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "runtime/base/errors.h"

namespace dcgan {
namespace {

// One system call moves at most about 2 GiB on Linux.
constexpr std::size_t kMaxTransfer = std::size_t{1} << 30;

}  // namespace

const char* kind_of(const struct stat& status) {
  if (S_ISREG(status.st_mode)) return "a file";
  if (S_ISDIR(status.st_mode)) return "a folder";
  if (S_ISFIFO(status.st_mode)) return "a FIFO";
  if (S_ISSOCK(status.st_mode)) return "a socket";
  return "a device";
}

bool Descriptor::close() noexcept {
  if (number_ < 0) return true;
  // Not repeated after EINTR: Linux has closed the descriptor by then, and another thread may have
  // opened a file with the same number.
  return ::close(std::exchange(number_, -1)) == 0;
}

OpenedFile open_regular_file(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a FIFO for reading would otherwise wait for a writer.
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) fail_system(path, "open", errno);
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) fail_system(path, "examine", errno);
  if (!S_ISREG(status.st_mode)) {
    fail(ErrorKind::bad_data, "{}: {}, not a regular file", path.string(), kind_of(status));
  }
  return {std::move(file), static_cast<std::uint64_t>(status.st_size)};
}

std::size_t read_some(const Descriptor& file, std::span<std::byte> to,
                      const std::filesystem::path& path) {
  while (true) {
    const ssize_t got = ::read(file.number(), to.data(), std::min(to.size(), kMaxTransfer));
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) fail_system(path, "read", errno);
  }
}

void read_exactly_at(const Descriptor& file, std::span<std::byte> to, std::uint64_t offset,
                     const std::filesystem::path& path) {
  while (!to.empty()) {
    const ssize_t got = ::pread(file.number(), to.data(), std::min(to.size(), kMaxTransfer),
                                static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_system(path, "read", errno);
    if (got == 0) {
      fail(ErrorKind::io, "{}: ends at byte {}, {} bytes early: it was cut while in use",
           path.string(), offset, to.size());
    }
    to = to.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
}

void sync_folder(const std::filesystem::path& folder) {
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.is_open()) fail_system(folder, "open", errno);
  // EINVAL: a file system (some network disks) that does not flush folders.
  if (::fsync(opened.number()) != 0 && errno != EINVAL) fail_system(folder, "flush", errno);
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

void fail_system(const std::filesystem::path& path, const char* action, int error_number) {
  fail(ErrorKind::io, "{}: cannot {}: {}", path.string(), action,
       std::generic_category().message(error_number));
}

}  // namespace dcgan
