#include "runtime/io/output_file.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "runtime/io/descriptor.h"
#include "runtime/io/files.h"
#include "runtime/io/image/image.h"
#include "runtime/io/npy.h"
#include "runtime/io/safetensors/safetensors.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;
using test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

constexpr FileKind kKinds[] = {FileKind::png, FileKind::npy, FileKind::safetensors, FileKind::json};

// One file of every kind that is written here.
void write_kind(const fs::path& path, FileKind kind) {
  const float value = 1;
  const ConstTensorView tensor{&value, Shape{1}};
  if (kind == FileKind::png) write_png(path, {1, 1, 1, {7}});
  if (kind == FileKind::npy) write_npy(path, tensor);
  if (kind == FileKind::safetensors) write_safetensors(path, {{"weight", tensor}}, {});
  if (kind == FileKind::json) write_text_atomically(path, "\n {\"a\": 1}\n");
}

void require_refused(const fs::path& path, const char* what) {
  INFO(path.string());
  for (const FileKind kind : kKinds) {
    DCGAN_CHECK_FAILS(require_output_file("--out", path, kind), ErrorKind::config,
                      "--out " + path.string() + ": " + what);
    DCGAN_CHECK_FAILS(write_kind(path, kind), ErrorKind::config, what);
  }
}

struct Sockets {
  explicit Sockets(const fs::path& path) : descriptor(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    REQUIRE(::bind(descriptor.number(), reinterpret_cast<sockaddr*>(&address), sizeof address) ==
            0);
  }
  Descriptor descriptor;
};

}  // namespace

TEST_CASE("each kind of file is known by its first bytes and replaces its own kind only") {
  const TemporaryFolder folder;
  for (const FileKind kind : kKinds) {
    const fs::path path = folder / "output";
    fs::remove(path);
    require_output_file("--out", path, kind);  // free
    write_kind(path, kind);
    require_output_file("--out", path, kind);
    write_kind(path, kind);
    const std::vector<std::byte> before = read_file(path, 10'000);
    CHECK(file_kind(before) == kind);
    for (const FileKind other : kKinds) {
      if (other == kind) continue;
      DCGAN_CHECK_FAILS(require_output_file("--out", path, other), ErrorKind::config, "holds");
      DCGAN_CHECK_FAILS(write_kind(path, other), ErrorKind::config, "left as it is");
    }
    CHECK(read_file(path, 10'000) == before);
  }
}

TEST_CASE("a user's text is not written over; an empty file is") {
  const TemporaryFolder folder;
  write_text_atomically(folder / "notes", "my notes");
  require_refused(folder / "notes", "holds a file of another kind");
  CHECK(read_text_file(folder / "notes", 100) == "my notes");
  for (const FileKind kind : kKinds) {
    fs::remove(folder / "empty");
    write_text_atomically(folder / "empty", "");
    require_output_file("--out", folder / "empty", kind);
    write_kind(folder / "empty", kind);
  }
}

TEST_CASE("what is no regular file is refused and stays, named or linked to") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "folder");
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  const Sockets socket(folder / "socket");
  for (const auto& [name, what] :
       {std::pair{"folder", "a folder"}, {"fifo", "a FIFO"}, {"socket", "a socket"}}) {
    const fs::path link = folder / (std::string("to-") + name);
    fs::create_symlink(name, link);
    const fs::file_type type = fs::status(folder / name).type();
    require_refused(folder / name, what);
    require_refused(link, what);
    CHECK(fs::symlink_status(folder / name).type() == type);
    CHECK(fs::is_symlink(link));
  }
  fs::create_symlink("nowhere", folder / "dangling");
  require_refused(folder / "dangling", "a link that leads to no file");
  CHECK(fs::is_symlink(folder / "dangling"));
}

TEST_CASE("a place where nothing can be written is found before the work") {
  const TemporaryFolder folder;
  write_text_atomically(folder / "file", "x");
  for (const char* path : {"gone/a.png", "file/a.png"}) {
    DCGAN_CHECK_FAILS(require_output_file("--out", folder / path, FileKind::png), ErrorKind::io,
                      "cannot make a file in the folder");
  }
  CHECK(folder.entries() == 1);
}

TEST_CASE("a link to a file stays a link, and the file is replaced") {
  const TemporaryFolder folder;
  write_kind(folder / "old.png", FileKind::png);
  fs::create_symlink("old.png", folder / "link.png");
  write_png(folder / "link.png", {1, 1, 1, {200}});
  CHECK(fs::is_symlink(folder / "link.png"));
  CHECK(read_file(folder / "old.png", 10'000) == read_file(folder / "link.png", 10'000));
}

TEST_CASE("an output folder may be there or not, but nothing else may have its name") {
  const TemporaryFolder folder;
  require_output_folder("--out", folder / "new");
  require_output_folder("--out", folder.path());
  fs::create_directory_symlink(folder.path(), folder / "link");
  require_output_folder("--out", folder / "link");
  write_text_atomically(folder / "file", "x");
  DCGAN_CHECK_FAILS(require_output_folder("--out", folder / "file"), ErrorKind::config,
                    "a file, not a folder");
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  DCGAN_CHECK_FAILS(require_output_folder("--out", folder / "fifo"), ErrorKind::config, "a FIFO");
}
