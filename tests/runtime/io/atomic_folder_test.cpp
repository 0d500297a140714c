#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "runtime/io/files.h"
#include "runtime/io/folder_exchange.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;
using test::TemporaryFolder;

namespace {

void save(const std::filesystem::path& target, const std::string& text) {
  AtomicFolder folder(target);
  write_text_atomically(folder.path() / "first", text);
  std::filesystem::create_directory(folder.path() / "inner");
  write_text_atomically(folder.path() / "inner" / "second", text);
  folder.commit();
}

std::string text_in(const std::filesystem::path& target) {
  const std::string first = read_text_file(target / "first", 100);
  return first == read_text_file(target / "inner" / "second", 100) ? first : "a mix";
}

}  // namespace

TEST_CASE("a folder appears whole at commit and not before") {
  const TemporaryFolder folder;
  AtomicFolder step(folder / "step");
  write_text_atomically(step.path() / "a", "x");
  CHECK_FALSE(std::filesystem::exists(folder / "step"));
  step.commit();
  CHECK(read_text_file(folder / "step" / "a", 10) == "x");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a folder that is not committed leaves nothing") {
  const TemporaryFolder folder;
  {
    const AtomicFolder step(folder / "step");
    write_text_atomically(step.path() / "a", "x");
  }
  CHECK(folder.entries() == 0);
}

TEST_CASE("an error while a folder is written keeps the old one") {
  const TemporaryFolder folder;
  save(folder / "step", "old");
  CHECK(test::error_of([&] {
    const AtomicFolder step(folder / "step");
    write_text_atomically(step.path() / "first", "new");
    fail(ErrorKind::io, "disk full");
  }));
  CHECK(text_in(folder / "step") == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a committed folder replaces an old one whole") {
  const TemporaryFolder folder;
  save(folder / "step", "old");
  write_text_atomically(folder / "step" / "left over", "x");
  save(folder / "step", "new");
  CHECK(text_in(folder / "step") == "new");
  CHECK_FALSE(std::filesystem::exists(folder / "step" / "left over"));
  CHECK(folder.entries() == 1);
}

TEST_CASE("the temporary folder of a killed run is removed first") {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "step.tmp" / "inner");
  write_text_atomically(folder / "step.tmp" / "stale", "x");
  save(folder / "step", "new");
  CHECK_FALSE(std::filesystem::exists(folder / "step" / "stale"));
  CHECK(folder.entries() == 1);
}

TEST_CASE("a trailing slash names the same folder, and missing parents are made") {
  const TemporaryFolder folder;
  save((folder / "runs" / "step").string() + "/", "new");
  CHECK(text_in(folder / "runs" / "step") == "new");
}

TEST_CASE("a folder without a name is refused") {
  DCGAN_CHECK_FAILS(AtomicFolder("/"), ErrorKind::internal, "does not end in a name");
  DCGAN_CHECK_FAILS(AtomicFolder(".."), ErrorKind::internal, "does not end in a name");
  DCGAN_CHECK_FAILS(AtomicFolder("."), ErrorKind::internal, "does not end in a name");
}

TEST_CASE("a second commit of a folder is refused") {
  const TemporaryFolder folder;
  AtomicFolder step(folder / "step");
  step.commit();
  DCGAN_CHECK_FAILS(step.commit(), ErrorKind::internal, "committed twice");
}

TEST_CASE("a process killed at any moment of its saves leaves one complete save") {
  const TemporaryFolder folder;
  save(folder / "step", "0");
  for (int round = 0; round < 12; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      for (int i = 1;; ++i) save(folder / "step", std::to_string(i));
    }
    ::usleep(static_cast<useconds_t>(1500 + 1700 * round));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    CAPTURE(round);
    REQUIRE(std::filesystem::exists(folder / "step"));
    CHECK(text_in(folder / "step") != "a mix");
  }
  save(folder / "step", "after");
  CHECK(text_in(folder / "step") == "after");
  CHECK(folder.entries() == 1);
}

TEST_CASE("where folders cannot be swapped, two renames replace one") {
  const TemporaryFolder folder;
  save(folder / "step", "old");
  save(folder / "finished", "new");
  replace_by_two_renames(folder / "finished", folder / "step");
  CHECK(text_in(folder / "step") == "new");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a crash between the two renames is repaired by the next save of that name") {
  const TemporaryFolder folder;
  save(folder / "step.old", "old");
  { const AtomicFolder step(folder / "step"); }
  CHECK(text_in(folder / "step") == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a crash after the two renames leaves the new folder and no old one") {
  const TemporaryFolder folder;
  save(folder / "step.old", "old");
  save(folder / "step", "new");
  { const AtomicFolder step(folder / "step"); }
  CHECK(text_in(folder / "step") == "new");
  CHECK(folder.entries() == 1);
}
