#include "runtime/io/files.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;
using test::TemporaryFolder;

namespace {

// Limits the size of files for as long as it lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int);
  rlimit before_{};
};

// Root may write anywhere: becomes nobody for as long as it lives.
class OrdinaryUser {
 public:
  OrdinaryUser() : before_(::geteuid()) {
    if (before_ == 0) REQUIRE(::seteuid(65534) == 0);
  }
  ~OrdinaryUser() {
    if (before_ == 0 && ::seteuid(0) != 0) std::abort();
  }

 private:
  uid_t before_;
};

}  // namespace

TEST_CASE("a file is read whole") {
  const TemporaryFolder folder;
  write_text_atomically(folder / "a", "some text");
  CHECK(read_text_file(folder / "a", 100) == "some text");
  CHECK(read_file(folder / "a", 100).size() == 9);
  write_text_atomically(folder / "empty", "");
  CHECK(read_text_file(folder / "empty", 100).empty());
  CHECK(read_text_file(folder / "empty", 0).empty());
}

TEST_CASE("a file larger than one block is read whole") {
  const TemporaryFolder folder;
  std::string text(1'000'003, 'x');
  text.front() = 'a';
  text.back() = 'z';
  write_text_atomically(folder / "a", text);
  CHECK(read_text_file(folder / "a", text.size()) == text);
}

TEST_CASE("a file above the limit is refused with both sizes") {
  const TemporaryFolder folder;
  write_text_atomically(folder / "a", "0123456789");
  CHECK(read_text_file(folder / "a", 10).size() == 10);
  DCGAN_CHECK_FAILS(read_file(folder / "a", 9), ErrorKind::bad_data,
                    "10 bytes, more than the limit of 9");
}

TEST_CASE("a file of which the system reports size 0 is read up to the limit") {
  // Files under /proc claim 0 bytes.
  const std::string status = read_text_file("/proc/self/status", 1 << 20);
  CHECK(test::contains(status, "VmRSS"));
  DCGAN_CHECK_FAILS(read_text_file("/proc/self/status", 100), ErrorKind::bad_data, "100 bytes");
}

TEST_CASE("a file that is not there is an input error with its path") {
  const TemporaryFolder folder;
  DCGAN_CHECK_FAILS(read_file(folder / "gone", 10), ErrorKind::io, "No such file");
  DCGAN_CHECK_FAILS(read_file(folder / "gone", 10), ErrorKind::io, (folder / "gone").string());
}

TEST_CASE("what is not a regular file is refused without a wait") {
  const TemporaryFolder folder;
  const std::filesystem::path fifo = folder / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  ::alarm(10);  // a read that waits for a writer ends the program here instead of hanging
  DCGAN_CHECK_FAILS(read_file(fifo, 10), ErrorKind::bad_data, "a FIFO, not a regular file");
  DCGAN_CHECK_FAILS(file_hash(fifo), ErrorKind::bad_data, "a FIFO");
  DCGAN_CHECK_FAILS(read_file("/dev/zero", 10), ErrorKind::bad_data, "a device");
  DCGAN_CHECK_FAILS(read_file(folder.path(), 10), ErrorKind::bad_data, "a folder");
  ::alarm(0);
}

TEST_CASE("a loop of symbolic links is an input error") {
  const TemporaryFolder folder;
  std::filesystem::create_symlink(folder / "b", folder / "a");
  std::filesystem::create_symlink(folder / "a", folder / "b");
  DCGAN_CHECK_FAILS(read_file(folder / "a", 10), ErrorKind::io, "symbolic links");
}

TEST_CASE("an atomic write replaces the old contents and leaves nothing beside them") {
  const TemporaryFolder folder;
  write_text_atomically(folder / "a", "a longer first text");
  write_text_atomically(folder / "a", "second");
  CHECK(read_text_file(folder / "a", 100) == "second");
  CHECK(folder.entries() == 1);
}

TEST_CASE("an atomic write to a bare name lands in the working folder") {
  const TemporaryFolder folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  write_text_atomically("bare", "text");
  std::filesystem::current_path(before);
  CHECK(read_text_file(folder / "bare", 100) == "text");
}

TEST_CASE("the parts of a file are written one after the other") {
  const TemporaryFolder folder;
  const std::string first = "one, ";
  const std::string last = "three";
  const std::array parts{std::as_bytes(std::span(first)), std::span<const std::byte>{},
                         std::as_bytes(std::span(last))};
  write_parts_atomically(folder / "a", parts);
  CHECK(read_text_file(folder / "a", 100) == "one, three");
}

TEST_CASE("a write into a missing folder is an output error") {
  const TemporaryFolder folder;
  DCGAN_CHECK_FAILS(write_text_atomically(folder / "gone" / "a", "x"), ErrorKind::io,
                    "No such file");
}

TEST_CASE("a write over a folder is refused and leaves no temporary file") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "a");
  DCGAN_CHECK_FAILS(write_text_atomically(folder / "a", "x"), ErrorKind::config, "a folder");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a write past the file-size limit leaves the old contents and says the figures") {
  const TemporaryFolder folder;
  write_text_atomically(folder / "a", "old");
  {
    const FileSizeLimit limit(4096);
    DCGAN_CHECK_FAILS(write_text_atomically(folder / "a", std::string(100'000, 'x')), ErrorKind::io,
                      "cannot write 100000 bytes (4096 written): File too large; the file-size "
                      "limit is 4096 bytes");
  }
  CHECK(read_text_file(folder / "a", 100) == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a full disk leaves the old contents and says what was needed and what is free") {
  if (::geteuid() != 0) {
    WARN("skipped: only root can mount the small disk that this fills");
    return;
  }
  const TemporaryFolder folder;
  int pipe_ends[2];
  REQUIRE(::pipe(pipe_ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    // A mount of its own, gone with the process. The answer travels through the pipe.
    std::string answer = "no mount";
    if (::unshare(CLONE_NEWNS) == 0 &&
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
        ::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=64k") == 0) {
      write_text_atomically(folder / "a", "old");
      const auto error =
          test::error_of([&] { write_text_atomically(folder / "a", std::string(100'000, 'x')); });
      answer = error ? error->what() : "no error";
      answer += "|" + read_text_file(folder / "a", 100) + "|" + std::to_string(folder.entries());
    }
    const ssize_t sent = ::write(pipe_ends[1], answer.data(), answer.size());
    ::_exit(sent == static_cast<ssize_t>(answer.size()) ? 0 : 1);
  }
  ::close(pipe_ends[1]);
  char buffer[1000] = {};
  const ssize_t got = ::read(pipe_ends[0], buffer, sizeof buffer - 1);
  ::close(pipe_ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(status == 0);
  const std::string answer(buffer, static_cast<std::size_t>(got));
  if (answer == "no mount") {
    WARN("skipped: this machine does not let root mount a small disk");
    return;
  }
  CAPTURE(answer);
  CHECK(test::contains(answer, "cannot write 100000 bytes"));
  CHECK(test::contains(answer, "No space left on device"));
  CHECK(test::contains(answer, "bytes are free"));
  CHECK(answer.substr(answer.find('|')) == "|old|1");
}

TEST_CASE("require_writable_folder creates the folder and leaves it empty") {
  const TemporaryFolder folder;
  require_writable_folder(folder / "new" / "deep");
  CHECK(std::filesystem::is_empty(folder / "new" / "deep"));
  require_writable_folder(folder / "new");
}

TEST_CASE("a folder that cannot be written is an output error before any work") {
  const TemporaryFolder folder;
  write_text_atomically(folder / "file", "x");
  DCGAN_CHECK_FAILS(require_writable_folder(folder / "file"), ErrorKind::io, "folder");
  std::filesystem::create_directory(folder / "fixed");
  REQUIRE(::chmod((folder / "fixed").c_str(), 0555) == 0);
  {
    const OrdinaryUser user;
    DCGAN_CHECK_FAILS(require_writable_folder(folder / "fixed"), ErrorKind::io,
                      "Permission denied");
    DCGAN_CHECK_FAILS(write_text_atomically(folder / "fixed" / "a", "x"), ErrorKind::io,
                      "Permission denied");
    DCGAN_CHECK_FAILS(AtomicFolder(folder / "fixed" / "step"), ErrorKind::io, "Permission denied");
  }
}

TEST_CASE("a file's hash is the XXH3-128 of its bytes") {
  // The values that the xxhash project's own tools print.
  const TemporaryFolder folder;
  const auto hash_of = [&](const std::string& text) {
    write_text_atomically(folder / "a", text);
    return file_hash(folder / "a");
  };
  CHECK(hash_of("") == "99aa06d3014798d86001c324468d497f");
  CHECK(hash_of("a") == "a96faf705af16834e6c632b61e964e1f");
  CHECK(hash_of("abc") == "06b05ab6733a618578af5f94892f3950");
  CHECK(hash_of("The quick brown fox jumps over the lazy dog") ==
        "ddd650205ca3e7fa24a1cc2e3a8a7651");
}

TEST_CASE("the checksum of bytes is their XXH3-64") {
  const auto checksum = [](std::string_view text) {
    return bytes_checksum(std::as_bytes(std::span(text)));
  };
  CHECK(checksum("") == 0x2d06800538d394c2);
  CHECK(checksum("abc") == 0x78af5f94892f3950);
}

TEST_CASE("a file's hash depends on every byte of every block") {
  const TemporaryFolder folder;
  std::string text(3'000'000, '\0');
  write_text_atomically(folder / "a", text);
  const std::string before = file_hash(folder / "a");
  for (const std::size_t at : {std::size_t{0}, std::size_t{1} << 20, text.size() - 1}) {
    std::string changed = text;
    changed[at] = 1;
    write_text_atomically(folder / "a", changed);
    CHECK(file_hash(folder / "a") != before);
  }
  DCGAN_CHECK_FAILS(file_hash(folder / "gone"), ErrorKind::io, "No such file");
}

TEST_CASE("too little room on a disk is said with both figures") {
  const TemporaryFolder folder;
  require_free_space(folder.path(), 1, "a checkpoint");
  const std::uint64_t too_much = std::uint64_t{1} << 62;
  DCGAN_CHECK_FAILS(require_free_space(folder.path(), too_much, "a checkpoint"), ErrorKind::io,
                    "a checkpoint needs 4611686018427387904 bytes; ");
  DCGAN_CHECK_FAILS(require_free_space(folder.path(), too_much, "it"), ErrorKind::io,
                    " bytes are free");
  DCGAN_CHECK_FAILS(require_free_space(folder / "gone", 1, "it"), ErrorKind::io, "gone");
}
