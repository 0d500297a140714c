#include "runtime/io/folder_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>

#include "runtime/base/errors.h"
#include "runtime/io/output_file.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

// "pid 123 on HOST"; also what stands in the file.
std::string owner_text(const std::string& host) {
  return fmt::format("pid {} on {}", ::getpid(), host);
}

struct Owner {
  std::string text;  // as it stands in the file; from outside
  std::string host;  // empty: the file says none
};

Owner read_owner(const Descriptor& file, const fs::path& path) {
  std::array<char, 400> text{};
  ::lseek(file.number(), 0, SEEK_SET);
  const std::size_t got =
      read_some(file, std::as_writable_bytes(std::span(text.data(), text.size())), path);
  Owner owner{std::string(text.data(), got), ""};
  if (got > 0 && !owner.text.starts_with("pid ")) {
    fail(ErrorKind::config, "{}: is no lock of a run; it is left as it is", path.string());
  }
  while (!owner.text.empty() && owner.text.back() == '\n') owner.text.pop_back();
  constexpr std::string_view kOn = " on ";
  const std::size_t on = owner.text.find(kOn);
  if (on != std::string::npos) owner.host = owner.text.substr(on + kOn.size());
  return owner;
}

// When the file was written last, in ns. Opened anew: network disks then ask their server.
std::int64_t written_ns(const fs::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!file.is_open() || ::fstat(file.number(), &status) != 0) return 0;
  return std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

// The same of a file that is made now: the server's clock, which the owner's times are of, too.
std::int64_t server_now_ns(const fs::path& folder) {
  std::string probe = (folder / ".dcgan-clock-XXXXXX").string();
  const Descriptor made(::mkstemp(probe.data()));
  if (!made.is_open()) fail_system(folder, "make a file in the folder", errno);
  const std::int64_t now = written_ns(probe);
  ::unlink(probe.c_str());
  return now;
}

bool is_still_named(const Descriptor& file, const fs::path& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(file.number(), &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

fs::path first_missing(const fs::path& folder) {
  fs::path missing;
  std::error_code error;
  for (fs::path at = folder; !at.empty() && !fs::exists(at, error); at = at.parent_path()) {
    missing = at;
    if (at == at.parent_path()) break;
  }
  return missing;
}

}  // namespace

FolderLock::FolderLock(fs::path folder, FolderLockOptions options)
    : options_(std::move(options)), path_(std::move(folder)) {
  path_ = path_.lexically_normal();
  if (!path_.has_filename()) path_ = path_.parent_path();
  made_ = first_missing(path_);
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) fail_system(path_, "create the folder", error.value());
  path_ /= "run.lock";
  acquire();
  renewing_ = std::thread([this] { renew(); });
}

// Whoever opened the file just before its owner removed it holds a lock on nothing: once more.
void FolderLock::acquire() {
  const std::string host = host_name();
  do {
    file_ = Descriptor(
        ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666));
    if (!file_.is_open()) fail_system(path_, "make the lock", errno);
    require_regular_or_absent(path_);
    const Owner owner = read_owner(file_, path_);
    const bool granted = ::flock(file_.number(), LOCK_EX | LOCK_NB) == 0;
    const bool unsupported = !granted && errno != EWOULDBLOCK;
    if (!granted && !unsupported) {
      fail(ErrorKind::config,
           "{}: in use by {}: wait for it to end, stop it, or choose another folder",
           path_.parent_path().string(), owner.text.empty() ? "another process" : owner.text);
    }
    const bool elsewhere = !owner.host.empty() && owner.host != host;
    if (elsewhere || (unsupported && !owner.text.empty())) require_left_behind(owner.text, host);
    left_behind_ = owner.text;
  } while (!is_still_named(file_, path_));
  const std::string text = owner_text(host) + "\n";
  if (::ftruncate(file_.number(), 0) != 0 ||
      ::pwrite(file_.number(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    fail_system(path_, "write the lock", errno);
  }
}

void FolderLock::require_left_behind(const std::string& owner, const std::string& host) const {
  using Milliseconds = std::chrono::milliseconds;
  const std::int64_t written = written_ns(path_);
  const std::int64_t age_ms = (server_now_ns(path_.parent_path()) - written) / 1'000'000;
  const std::int64_t left_ms = options_.patience.count() - std::max<std::int64_t>(age_ms, 0);
  if (left_ms <= 0) return;
  const std::string folder = path_.parent_path().string();
  if (options_.note) {
    options_.note(
        fmt::format("{}: locked by {} (this is {}): waiting {} s at most for a sign of life",
                    folder, owner, host, (left_ms + 999) / 1000));
  }
  const auto end = std::chrono::steady_clock::now() + Milliseconds(left_ms);
  while (std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::min(Milliseconds(500), Milliseconds(left_ms)));
    if (written_ns(path_) == written) continue;
    fail(ErrorKind::config,
         "{}: in use by {}, which has just given a sign of life (this is {}): wait for it to end, "
         "stop it, or choose another folder",
         folder, owner, host);
  }
}

void FolderLock::renew() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!ending_.wait_for(lock, options_.renewal, [this] { return ends_; })) {
    ::futimens(file_.number(), nullptr);  // now
  }
}

FolderLock::~FolderLock() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ends_ = true;
  }
  ending_.notify_all();
  renewing_.join();
  if (is_still_named(file_, path_)) ::unlink(path_.c_str());
  if (made_.empty()) return;
  // Removes empty folders only, the innermost first.
  std::error_code error;
  for (fs::path at = path_.parent_path(); fs::remove(at, error) && at != made_;) {
    at = at.parent_path();
  }
}

}  // namespace dcgan
