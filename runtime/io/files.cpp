#include "runtime/io/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <limits>
#include <system_error>

#include "runtime/base/errors.h"
#include "runtime/io/descriptor.h"
#include "runtime/io/output_file.h"

namespace dcgan {
namespace {

// Reads to the end of the file and not to the size that the system reports: that is 0 under /proc,
// and the file may grow meanwhile. Reads at most one byte beyond the limit.
template <class Container>
Container read_whole(const std::filesystem::path& path, std::uint64_t max_bytes) {
  const OpenedFile file = open_regular_file(path);
  if (file.bytes > max_bytes) {
    fail(ErrorKind::bad_data, "{}: {} bytes, more than the limit of {}", path.string(), file.bytes,
         max_bytes);
  }
  const std::uint64_t most = max_bytes + (max_bytes < std::numeric_limits<std::uint64_t>::max());
  Container contents;
  std::size_t filled = 0;
  while (true) {
    if (filled == contents.size()) {
      const std::uint64_t wanted =
          std::max<std::uint64_t>(filled == 0 ? file.bytes + 1 : 2 * filled, 4096);
      contents.resize(std::min(wanted, most));
    }
    const std::span<std::byte> room = std::as_writable_bytes(std::span(contents)).subspan(filled);
    const std::size_t got = read_some(file.descriptor, room, path);
    if (got == 0) break;
    filled += got;
    if (filled > max_bytes) {
      fail(ErrorKind::bad_data, "{}: grew past the limit of {} bytes", path.string(), max_bytes);
    }
  }
  contents.resize(filled);
  return contents;
}

// Unique on this machine: two programs that write one file (a shared cache) use different names.
std::filesystem::path name_beside(const std::filesystem::path& path) {
  static std::atomic<unsigned> counter{0};
  return fmt::format("{}.{}-{}.tmp", path.string(), ::getpid(), counter++);
}

std::string room_left(const std::filesystem::path& path, int error_number) {
  if (error_number == EFBIG) {
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    return fmt::format("; the file-size limit is {} bytes", limit.rlim_cur);
  }
  struct statvfs disk {};
  if (::statvfs(folder_of(path).c_str(), &disk) != 0) return "";
  return fmt::format("; {} bytes are free", disk.f_bavail * disk.f_frsize);
}

[[noreturn]] void fail_write(const std::filesystem::path& path, std::uint64_t needed,
                             std::uint64_t written, int error_number) {
  fail(ErrorKind::io, "{}: cannot write {} bytes ({} written): {}{}", path.string(), needed,
       written, std::generic_category().message(error_number), room_left(path, error_number));
}

// A new file beside the target that removes itself unless it was renamed over it.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& target)
      : target_(target), path_(name_beside(target)) {
    file_ = Descriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!file_.is_open()) fail_system(path_, "create", errno);
  }
  ~TemporaryFile() {
    if (!kept_) ::unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(FileParts parts) {
    std::uint64_t needed = 0;
    std::uint64_t written = 0;
    for (const std::span<const std::byte> part : parts) needed += part.size();
    for (std::span<const std::byte> part : parts) {
      while (!part.empty()) {
        const ssize_t put = ::write(file_.number(), part.data(), part.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) fail_write(target_, needed, written, errno);
        part = part.subspan(static_cast<std::size_t>(put));
        written += static_cast<std::uint64_t>(put);
      }
    }
    // With delayed allocation and on network disks a full disk is reported only here.
    if (::fsync(file_.number()) != 0 || !file_.close()) fail_write(target_, needed, written, errno);
  }

  void replace_target() {
    if (::rename(path_.c_str(), target_.c_str()) != 0) fail_system(target_, "replace", errno);
    kept_ = true;
    sync_folder(folder_of(target_));
  }

 private:
  std::filesystem::path target_;
  std::filesystem::path path_;
  Descriptor file_;
  bool kept_ = false;
};

}  // namespace

std::vector<std::byte> read_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  return read_whole<std::vector<std::byte>>(path, max_bytes);
}

std::string read_text_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  return read_whole<std::string>(path, max_bytes);
}

void write_parts_atomically(const std::filesystem::path& path, FileParts parts) {
  // A safetensors file comes in parts: its length, its header, its tensors.
  std::vector<std::byte> first;
  for (const std::span<const std::byte> part : parts) {
    const std::size_t room = std::min<std::size_t>(part.size(), kKindBytes - first.size());
    first.insert(first.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(room));
  }
  TemporaryFile file(replaceable(path, first));
  file.write(parts);
  file.replace_target();
}

void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> contents) {
  write_parts_atomically(path, {&contents, 1});
}

void write_text_atomically(const std::filesystem::path& path, std::string_view contents) {
  write_file_atomically(path, std::as_bytes(std::span(contents)));
}

void require_writable_folder(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) fail_system(path, "create the folder", error.value());
  require_file_can_be_made(path);
}

void require_file_can_be_made(const std::filesystem::path& folder) {
  const std::filesystem::path probe = name_beside(folder / "probe");
  const Descriptor file(::open(probe.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!file.is_open()) fail_system(folder, "make a file in the folder", errno);
  if (::unlink(probe.c_str()) != 0) fail_system(probe, "remove", errno);
}

void require_free_space(const std::filesystem::path& folder, std::uint64_t bytes,
                        std::string_view what) {
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0) fail_system(folder, "examine the disk", errno);
  const std::uint64_t room = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (room >= bytes) return;
  fail(ErrorKind::io, "{}: {} needs {} bytes; {} bytes are free", folder.string(), what, bytes,
       room);
}

}  // namespace dcgan
