#include "runtime/io/mapped_file.h"

#include <sys/stat.h>

#include "runtime/io/files.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;
using test::TemporaryFolder;

namespace {

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

}  // namespace

TEST_CASE("a mapped file shows the file's bytes") {
  const TemporaryFolder folder;
  std::string text(10'000, 'x');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i % 251);
  write_text_atomically(folder / "a", text);
  CHECK(text_of(MappedFile(folder / "a")) == text);
  write_text_atomically(folder / "empty", "");
  CHECK(MappedFile(folder / "empty").bytes().empty());
}

TEST_CASE("a file that is replaced or removed stays mapped as it was") {
  const TemporaryFolder folder;
  write_text_atomically(folder / "a", "first");
  const MappedFile file(folder / "a");
  write_text_atomically(folder / "a", "2");
  CHECK(text_of(file) == "first");
  std::filesystem::remove(folder / "a");
  CHECK(text_of(file) == "first");
}

TEST_CASE("what cannot be mapped is named, and a FIFO is not waited for") {
  const TemporaryFolder folder;
  DCGAN_CHECK_FAILS(MappedFile(folder / "gone"), ErrorKind::io, "gone: cannot open: No such file");
  DCGAN_CHECK_FAILS(MappedFile(folder.path()), ErrorKind::bad_data, "a folder, not a regular file");
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  DCGAN_CHECK_FAILS(MappedFile(folder / "fifo"), ErrorKind::bad_data, "a FIFO, not a regular file");
}
