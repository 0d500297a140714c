#include "runtime/io/folder_lock.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

#include "runtime/io/files.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;
using test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

std::string host() {
  char name[256] = {};
  REQUIRE(::gethostname(name, sizeof name - 1) == 0);
  return name;
}

// The lock file of an owner that ended without removing it.
void leave_behind(const fs::path& folder, const std::string& text, std::chrono::seconds age) {
  write_text_atomically(folder / "run.lock", text);
  fs::last_write_time(folder / "run.lock", fs::file_time_type::clock::now() - age);
}

}  // namespace

TEST_CASE("a second owner is refused with the first one's pid and host") {
  const TemporaryFolder folder;
  std::optional<FolderLock> first(folder.path());
  CHECK(first->left_behind().empty());
  DCGAN_CHECK_FAILS(FolderLock(folder.path()), ErrorKind::config,
                    fmt::format("in use by pid {} on {}", ::getpid(), host()));
  first.reset();
  CHECK(!fs::exists(folder / "run.lock"));
  const FolderLock second(folder.path());
}

TEST_CASE("a lock of this host ends with its process and is then taken over") {
  const TemporaryFolder folder;
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const FolderLock lock(folder.path());
    ::_exit(0);  // as if killed: nothing is removed
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  REQUIRE(fs::exists(folder / "run.lock"));
  const FolderLock lock(folder.path());
  CHECK(lock.left_behind() == fmt::format("pid {} on {}", child, host()));
  CHECK(read_text_file(folder / "run.lock", 100) ==
        fmt::format("pid {} on {}\n", ::getpid(), host()));
}

TEST_CASE("a lock of another host that nobody renews was left behind") {
  const TemporaryFolder folder;
  std::vector<std::string> notes;
  FolderLockOptions options;
  options.note = [&](const std::string& text) { notes.push_back(text); };
  leave_behind(folder.path(), "pid 5 on elsewhere\n", std::chrono::seconds(100));
  {
    const FolderLock lock(folder.path(), options);  // older than its patience: no wait
    CHECK(lock.left_behind() == "pid 5 on elsewhere");
    CHECK(notes.empty());
  }
  leave_behind(folder.path(), "pid 5 on elsewhere\n", std::chrono::seconds(0));
  options.patience = std::chrono::milliseconds(20);
  const FolderLock lock(folder.path(), options);
  CHECK(lock.left_behind() == "pid 5 on elsewhere");
  REQUIRE(notes.size() == 1);
  CHECK_THAT(notes[0], Contains("locked by pid 5 on elsewhere (this is " + host() + ")"));
}

TEST_CASE("a lock of another host that is renewed is refused") {
  const TemporaryFolder folder;
  leave_behind(folder.path(), "pid 5 on elsewhere\n", std::chrono::seconds(0));
  std::atomic<bool> ends{false};
  std::thread owner([&] {
    for (int i = 1; !ends; ++i) {
      fs::last_write_time(folder / "run.lock",
                          fs::file_time_type::clock::now() + std::chrono::seconds(i));
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  DCGAN_CHECK_FAILS(FolderLock(folder.path()), ErrorKind::config,
                    "in use by pid 5 on elsewhere, which has just given a sign of life");
  ends = true;
  owner.join();
  CHECK(read_text_file(folder / "run.lock", 100) == "pid 5 on elsewhere\n");
}

TEST_CASE("an owner renews its lock") {
  const TemporaryFolder folder;
  FolderLockOptions options;
  options.renewal = std::chrono::milliseconds(5);
  const FolderLock lock(folder.path(), options);
  const auto long_ago = fs::file_time_type::clock::now() - std::chrono::hours(1);
  fs::last_write_time(folder / "run.lock", long_ago);
  while (fs::last_write_time(folder / "run.lock") == long_ago) std::this_thread::yield();
  CHECK(fs::last_write_time(folder / "run.lock") > long_ago);
}

TEST_CASE("only folders that the lock has made and nobody has used are removed with it") {
  const TemporaryFolder folder;
  { const FolderLock lock(folder / "a/b/"); }
  CHECK(!fs::exists(folder / "a"));
  {
    const FolderLock lock(folder / "a/b");
    write_text_atomically(folder / "a/kept", "x");
  }
  CHECK(fs::exists(folder / "a/kept"));
  CHECK(!fs::exists(folder / "a/b"));
  fs::create_directory(folder / "c");
  { const FolderLock lock(folder / "c"); }
  CHECK(fs::exists(folder / "c"));
}

TEST_CASE("what stands in the lock's place is neither followed nor waited for") {
  const TemporaryFolder folder;
  write_text_atomically(folder / "text", "mine");
  fs::create_symlink("text", folder / "run.lock");
  DCGAN_CHECK_FAILS(FolderLock(folder.path()), ErrorKind::io, "run.lock");
  fs::remove(folder / "run.lock");
  fs::rename(folder / "text", folder / "run.lock");
  DCGAN_CHECK_FAILS(FolderLock(folder.path()), ErrorKind::config, "no lock of a run");
  CHECK(read_text_file(folder / "run.lock", 100) == "mine");
  fs::remove(folder / "run.lock");
  REQUIRE(::mkfifo((folder / "run.lock").c_str(), 0600) == 0);
  DCGAN_CHECK_FAILS(FolderLock(folder.path()), ErrorKind::config, "a FIFO");
  CHECK(fs::is_fifo(folder / "run.lock"));
}
