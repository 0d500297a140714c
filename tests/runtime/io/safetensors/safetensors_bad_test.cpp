// Files that break the format, one rule each.
#include <cstring>

#include "runtime/io/files.h"
#include "runtime/io/safetensors/safetensors.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;
using test::TemporaryFolder;

namespace {

std::string file_with(std::uint64_t length, const std::string& rest) {
  std::string file(sizeof length, '\0');
  std::memcpy(file.data(), &length, sizeof length);
  return file + rest;
}

std::string file_of(const std::string& header, std::size_t data_bytes) {
  return file_with(header.size(), header + std::string(data_bytes, '\1'));
}

std::string f32(const std::string& name, const std::string& shape, const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}";
}

// The message with which a file is refused; empty when it is not.
std::string refusal_of(const std::string& contents) {
  const TemporaryFolder folder;
  test::write_plainly(folder / "x", contents);
  const auto error = test::error_of([&] { SafetensorsFile(folder / "x"); });
  if (!error) return "";
  CHECK(error->kind() == ErrorKind::bad_data);
  const std::string prefix = (folder / "x").string() + ": ";
  const std::string message = error->what();
  CHECK(message.substr(0, prefix.size()) == prefix);
  CHECK(message.find('\n') == std::string::npos);
  return message.substr(prefix.size());
}

struct Bad {
  const char* what;
  std::string contents;
  std::string reason;
};

void check_all(const std::vector<Bad>& table) {
  for (const Bad& bad : table) {
    const std::string message = refusal_of(bad.contents);
    CAPTURE(bad.what, message, bad.reason);
    CHECK(test::contains(message, bad.reason));
  }
}

}  // namespace

TEST_CASE("a safetensors header with a wrong length is refused with the figures") {
  const std::string good = "{" + f32("a", "[1]", "[0,4]") + "}";
  REQUIRE(refusal_of(file_of(good, 4)).empty());
  check_all({
      {"nothing", "", "0 bytes cannot hold the 8"},
      {"half a length", "1234567", "7 bytes cannot hold the 8"},
      {"longer than the file", file_with(1000, good), "a header of 1000 bytes does not fit"},
      {"one byte longer", file_with(good.size() + 1, good), "does not fit in a file of"},
      {"above the limit", file_with(100'000'001, good), "100000001 bytes is above the limit"},
      {"2^64 - 1", file_with(~std::uint64_t{0}, good), "18446744073709551615 bytes is above"},
      {"no header", file_with(0, ""), "does not begin with an object"},
  });
}

TEST_CASE("a safetensors header that is not one JSON object is refused") {
  const std::string a = f32("a", "[1]", "[0,4]");
  check_all({
      {"an array", file_of("[]", 0), "does not begin with an object"},
      {"space before", file_of(" {}", 0), "does not begin with an object"},
      {"byte-order mark", file_of("\xef\xbb\xbf{}", 0), "does not begin with an object"},
      {"cut", file_of("{" + a, 4), "the header is not JSON at byte"},
      {"two objects", file_of("{}{}", 0), "the header is not JSON at byte 3"},
      {"a comma too many", file_of("{" + a + ",}", 4), "is not JSON"},
      {"a comment", file_of("{/**/" + a + "}", 4), "is not JSON"},
      {"zeros behind", file_of(std::string("{}\0\0", 4), 0), "holds a zero byte at 2"},
      {"not UTF-8", file_of("{" + f32("\xff", "[1]", "[0,4]") + "}", 4), "is not JSON at byte 3"},
      {"overlong UTF-8", file_of("{" + f32("\xc0\x80", "[1]", "[0,4]") + "}", 4),
       "is not JSON at byte"},
      {"surrogate in UTF-8", file_of("{" + f32("\xed\xa0\x80", "[1]", "[0,4]") + "}", 4),
       "is not JSON at byte"},
      {"half a pair", file_of("{" + f32("\\ud800", "[1]", "[0,4]") + "}", 4),
       "is not JSON at byte 9"},
      {"control character", file_of("{" + f32("\n", "[1]", "[0,4]") + "}", 4),
       "is not JSON at byte 3"},
  });
}

TEST_CASE("a safetensors header with a repeated name is refused") {
  const std::string a = f32("a", "[1]", "[0,4]");
  check_all({
      {"tensor", file_of("{" + a + "," + a + "}", 4), "the name \"a\" stands twice"},
      {"by an escape", file_of("{" + a + "," + f32("\\u0061", "[1]", "[0,4]") + "}", 4),
       "the name \"a\" stands twice"},
      {"field",
       file_of(R"({"a":{"dtype":"F32","dtype":"F32","shape":[],"data_offsets":[0,4]}})", 4),
       "tensor \"a\": dtype stands twice"},
      {"metadata", file_of(R"({"__metadata__":{},"__metadata__":{}})", 0),
       "the name \"__metadata__\" stands twice"},
      {"metadata key", file_of(R"({"__metadata__":{"k":"1","k":"2"}})", 0),
       "the key \"k\" stands twice"},
  });
}

TEST_CASE("a safetensors header with wrong nesting is refused") {
  const std::string deep(100'000, '[');
  const std::string deep_objects = [] {
    std::string text;
    for (int i = 0; i < 50'000; ++i) text += R"({"a":)";
    return text;
  }();
  check_all({
      {"arrays", file_of(R"({"a":)" + deep, 0), "\"a\": found an array, expected an object"},
      {"objects", file_of(deep_objects, 0), "unknown key \"a\""},
      {"array in shape", file_of("{" + f32("a", "[[1]]", "[0,4]") + "}", 4),
       "tensor \"a\": shape: found an array, expected unsigned integers"},
      {"object in offsets", file_of("{" + f32("a", "[1]", "[{}]") + "}", 4), "found an object"},
      {"text for a tensor", file_of(R"({"a":"b"})", 0), "found \"b\", expected an object"},
      {"number for a tensor", file_of(R"({"a":1})", 0), "found 1, expected an object"},
      {"null for a tensor", file_of(R"({"a":null})", 0), "found null, expected an object"},
      {"metadata of numbers", file_of(R"({"__metadata__":{"k":1}})", 0), "found 1, expected text"},
      {"metadata of objects", file_of(R"({"__metadata__":{"k":{}}})", 0),
       "found an object, expected text"},
      {"metadata as text", file_of(R"({"__metadata__":"k"})", 0),
       "found \"k\", expected an object"},
      {"unknown key", file_of(R"({"a":{"dtype":"U8","shape":[],"data_offsets":[0,1],"x":1}})", 1),
       "tensor \"a\": unknown key \"x\""},
      {"dtype as a number", file_of(R"({"a":{"dtype":1,"shape":[],"data_offsets":[0,1]}})", 1),
       "dtype: found 1, expected text"},
      {"shape as text", file_of("{" + f32("a", "\"1\"", "[0,4]") + "}", 4), "expected an array"},
      {"true in shape", file_of("{" + f32("a", "[true]", "[0,4]") + "}", 4), "found true"},
  });
}

TEST_CASE("a safetensors header with numbers other than unsigned 64-bit integers is refused") {
  const auto shape = [](const std::string& extent) {
    return file_of("{" + f32("a", "[" + extent + "]", "[0,4]") + "}", 4);
  };
  const auto offsets = [](const std::string& numbers) {
    return file_of("{" + f32("a", "[1]", "[" + numbers + "]") + "}", 4);
  };
  REQUIRE(refusal_of(shape("1")).empty());
  check_all({
      {"negative", shape("-1"), "shape: found -1, expected unsigned integers"},
      {"float", shape("1.0"), "shape: found 1.0, expected unsigned integers"},
      {"exponent", shape("1e0"), "shape: found 1e0, expected unsigned integers"},
      {"2^64", shape("18446744073709551616"), "found 18446744073709551616, expected unsigned"},
      {"2^63", shape("9223372036854775808"), "extent 9223372036854775808 is above 2^63 - 1"},
      {"leading zero", shape("01"), "is not JSON"},
      {"negative offset", offsets("-0,4"), "data_offsets: found 0, expected two unsigned"},
      {"float offset", offsets("0,4.0"), "data_offsets: found 4.0"},
      {"2^64 offset", offsets("0,18446744073709551620"), "found 18446744073709551620"},
      {"one offset", offsets("0"), "data_offsets: 1 numbers, not 2"},
      {"no offsets", offsets(""), "data_offsets: 0 numbers, not 2"},
      {"three offsets", offsets("0,4,4"), "found 4, expected two unsigned integers"},
  });
}

TEST_CASE("a tensor without a required field is refused with the field's name") {
  check_all({
      {"dtype", file_of(R"({"a":{"shape":[],"data_offsets":[0,4]}})", 4), "dtype is missing"},
      {"shape", file_of(R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4), "shape is missing"},
      {"offsets", file_of(R"({"a":{"dtype":"F32","shape":[]}})", 4), "data_offsets is missing"},
      {"all", file_of(R"({"a":{}})", 0), "tensor \"a\": dtype is missing"},
  });
}

TEST_CASE("a tensor whose size does not follow from shape and type is refused") {
  const auto file = [](const std::string& dtype, const std::string& shape, int bytes) {
    return file_of(R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape +
                       R"(,"data_offsets":[0,)" + std::to_string(bytes) + "]}}",
                   static_cast<std::size_t>(bytes));
  };
  check_all({
      {"too few", file("F32", "[2]", 4), "2 elements of F32 do not make the 4 bytes of 0..4"},
      {"too many", file("BF16", "[1]", 4), "1 elements of BF16 do not make the 4 bytes"},
      {"scalar", file("F64", "[]", 4), "1 elements of F64 do not make the 4 bytes"},
      {"empty", file("F32", "[0]", 4), "0 elements of F32 do not make the 4 bytes"},
      {"product", file("U8", "[4294967296,4294967296]", 0), "the product of the shape overflows"},
      {"product with a zero", file("U8", "[4294967296,4294967296,0]", 0), "product"},
      {"bytes", file("F32", "[4611686018427387904]", 0), "of 4611686018427387904 elements of F32"},
      {"packed, uneven", file("F4", "[3]", 1), "3 elements of F4 do not make the 1 bytes"},
  });
  // Types that are not read here still have a known size.
  for (const char* dtype : {"BOOL", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"}) {
    CAPTURE(dtype);
    CHECK(refusal_of(file(dtype, "[4]", 4)).empty());
    CHECK_FALSE(refusal_of(file(dtype, "[3]", 4)).empty());
  }
  for (const char* dtype : {"F16", "I16", "U16"}) CHECK(refusal_of(file(dtype, "[2]", 4)).empty());
  for (const char* dtype : {"U64", "C64"}) CHECK(refusal_of(file(dtype, "[1]", 8)).empty());
  CHECK(refusal_of(file("F4", "[8]", 4)).empty());
  CHECK(refusal_of(file("F6_E2M3", "[4]", 3)).empty());
}

TEST_CASE("tensors whose data overlap, leave a hole or do not end with the file are refused") {
  const auto two = [](const std::string& first, const std::string& second, std::size_t bytes) {
    return file_of("{" + f32("a", "[1]", first) + "," + f32("b", "[1]", second) + "}", bytes);
  };
  REQUIRE(refusal_of(two("[0,4]", "[4,8]", 8)).empty());
  REQUIRE(refusal_of(two("[4,8]", "[0,4]", 8)).empty());  // any order in the header
  check_all({
      {"same place", two("[0,4]", "[0,4]", 4),
       "tensor \"b\": begins at 0, overlapping: below the 4"},
      {"overlap", two("[0,4]", "[2,6]", 6), "tensor \"b\": begins at 2, overlapping: below the 4"},
      {"hole", two("[0,4]", "[5,9]", 9), "tensor \"b\": begins at 5, leaving a hole: above the 4"},
      {"hole at 0", two("[1,5]", "[5,9]", 9), "tensor \"a\": begins at 1, leaving a hole"},
      {"tail", two("[0,4]", "[4,8]", 9), "1 bytes follow the last tensor, which ends at 8"},
      {"cut", two("[0,4]", "[4,8]", 7), "the tensors need 8 bytes of data, the file has 7"},
      {"backwards", two("[4,0]", "[4,8]", 8), "tensor \"a\": ends at 0 before it begins at 4"},
      {"wrapping", two("[0,4]", "[4,18446744073709551615]", 8), "do not make"},
      {"tail without tensors", file_of("{}", 3), "3 bytes follow the last tensor, which ends at 0"},
  });
}

TEST_CASE("a file cut at any length is refused") {
  const TemporaryFolder folder;
  const HostTensor a = HostTensor::from<float>({1, 2, 3}, {3});
  const HostTensor b = HostTensor::from<std::uint8_t>({1, 2, 3}, {3});
  write_safetensors(folder / "x", {{"a", a.view()}, {"b", b.view()}}, {{"k", "v"}});
  const std::string whole = read_text_file(folder / "x", 10'000);
  REQUIRE(refusal_of(whole).empty());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    CHECK_FALSE(refusal_of(whole.substr(0, length)).empty());
  }
}

TEST_CASE(
    "a safetensors header with a changed byte is read or refused without an access out of bounds") {
  // Most changes are refused; those that are not must give a file that can be read.
  const TemporaryFolder folder;
  const HostTensor a = HostTensor::from<float>({1, 2, 3}, {3});
  write_safetensors(folder / "x", {{"a", a.view()}}, {{"k", "v"}});
  const std::string whole = read_text_file(folder / "x", 10'000);
  int refused = 0;
  for (std::size_t at = 0; at < whole.size() - a.view().bytes(); ++at) {
    for (const char c : {'\0', '0', '9', '"', '}', '\xff'}) {
      std::string bad = whole;
      bad[at] = c;
      test::write_plainly(folder / "y", bad);
      const auto error = test::error_of([&] {
        const SafetensorsFile file(folder / "y");
        for (const SafetensorsEntry& entry : file.entries()) (void)file.read(entry.name);
      });
      if (error) CHECK(error->kind() == ErrorKind::bad_data);
      refused += error.has_value();
    }
  }
  CHECK(refused > 100);
}

TEST_CASE("a tensor of an unsupported type is listed, and reading it is refused") {
  const TemporaryFolder folder;
  const std::string header =
      R"({"half":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},)"
      R"("new":{"dtype":"F999","shape":[7],"data_offsets":[4,9]},)"
      R"("deep":{"dtype":"U8","shape":[1,1,1,1,1,1],"data_offsets":[9,10]}})";
  test::write_plainly(folder / "x", file_of(header, 10));
  const SafetensorsFile file(folder / "x");
  REQUIRE(file.entries().size() == 3);
  CHECK(file.find("half")->dtype == "F16");
  CHECK(file.find("new")->dtype == "F999");
  DCGAN_CHECK_FAILS(file.read("half"), ErrorKind::bad_data, "type \"F16\" cannot be read");
  DCGAN_CHECK_FAILS(file.read("new"), ErrorKind::bad_data, "type \"F999\" cannot be read");
  DCGAN_CHECK_FAILS(file.read("deep"), ErrorKind::bad_data, "rank 6 is above the limit of 5");
}

TEST_CASE("foreign files with unaligned data and trailing spaces are read") {
  const TemporaryFolder folder;
  const std::string header = R"({ "byte" : {"shape":[1], "data_offsets":[0,1], "dtype":"U8"},)"
                             R"("word":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}      )";
  test::write_plainly(folder / "x",
                      file_with(header.size(), header + std::string("\x07\0\0\x80\x3f", 5)));
  const SafetensorsFile file(folder / "x");
  CHECK(*file.read("byte").view().as<std::uint8_t>() == 7);
  CHECK(*file.read("word").view().as<float>() == 1.0f);
}

TEST_CASE("a folder and a missing file are refused as safetensors files with the reason") {
  const TemporaryFolder folder;
  DCGAN_CHECK_FAILS(SafetensorsFile(folder / "gone"), ErrorKind::io, "No such file");
  DCGAN_CHECK_FAILS(SafetensorsFile(folder.path()), ErrorKind::bad_data, "a folder");
}

TEST_CASE("a name from a file is shortened and escaped in messages") {
  const std::string name = "\\u001b[31m" + std::string(5000, 'x');
  const std::string message = refusal_of(file_of("{" + f32(name, "[2]", "[0,4]") + "}", 4));
  CHECK(message.find('\x1b') == std::string::npos);
  CHECK(message.size() < 400);
}
