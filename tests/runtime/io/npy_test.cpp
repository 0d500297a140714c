#include "runtime/io/npy.h"

#include <cstring>
#include <vector>

#include "runtime/io/files.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;
using test::TemporaryFolder;

namespace {

template <class T>
std::string written(const std::vector<T>& values, Shape shape) {
  const TemporaryFolder folder;
  write_npy(folder / "a.npy", {values.data(), shape});
  return read_text_file(folder / "a.npy", 1 << 20);
}

std::string header_of(const std::string& file) {
  const std::size_t length =
      static_cast<unsigned char>(file[8]) + 256u * static_cast<unsigned char>(file[9]);
  return file.substr(10, length);
}

}  // namespace

TEST_CASE("an npy file begins as NumPy's format 1.0 says, its data at a multiple of 64") {
  const std::string file = written<float>({1, 2, 3, 4, 5, 6}, {2, 3});
  CHECK(file.substr(0, 8) == std::string("\x93NUMPY\x01\x00", 8));
  const std::string header = header_of(file);
  CHECK(header.substr(0, header.find('}') + 1) ==
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }");
  CHECK(header.back() == '\n');
  CHECK((10 + header.size()) % 64 == 0);
  CHECK(header.find_first_not_of(' ', header.find('}') + 1) == header.size() - 1);
  REQUIRE(file.size() == 10 + header.size() + 6 * sizeof(float));
  float last = 0;
  std::memcpy(&last, file.data() + file.size() - sizeof last, sizeof last);
  CHECK(last == 6);
}

TEST_CASE("an npy header names each type that NumPy has") {
  CHECK(test::contains(written<double>({1}, {1}), "'<f8'"));
  CHECK(test::contains(written<std::uint8_t>({1}, {1}), "'|u1'"));
  CHECK(test::contains(written<std::int32_t>({1}, {1}), "'<i4'"));
  CHECK(test::contains(written<std::int64_t>({1}, {1}), "'<i8'"));
}

TEST_CASE("an npy shape is a Python tuple at any rank") {
  CHECK(test::contains(written<float>({1}, {}), "'shape': (), }"));
  CHECK(test::contains(written<float>({1, 2}, {2}), "'shape': (2,), }"));
  CHECK(test::contains(written<float>({1}, {1, 1, 1, 1, 1}), "'shape': (1, 1, 1, 1, 1), }"));
  CHECK(test::contains(written<float>({}, {0, 3}), "'shape': (0, 3), }"));
}

TEST_CASE("the data begin at a multiple of 64 whatever the length of the shape") {
  for (std::int64_t extent = 1; extent < 10'000'000'000; extent *= 10) {
    CHECK((10 + header_of(written<float>({}, {0, extent, extent})).size()) % 64 == 0);
  }
}

TEST_CASE("a type that NumPy lacks is refused and no file is made") {
  const TemporaryFolder folder;
  const bf16 value(1.0f);
  DCGAN_CHECK_FAILS(write_npy(folder / "a.npy", {&value, Shape{1}}), ErrorKind::internal, "bf16");
  CHECK(folder.entries() == 0);
}
