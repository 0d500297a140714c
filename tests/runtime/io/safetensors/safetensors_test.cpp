#include "runtime/io/safetensors/safetensors.h"

#include <cstring>

#include "runtime/io/files.h"
#include "tests/support/catch.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;
using test::TemporaryFolder;

namespace {

template <class T>
std::vector<T> values_of(const HostTensor& tensor) {
  const T* data = tensor.view().as<T>();
  return {data, data + tensor.shape().elements()};
}

template <class T>
void check_round_trip(const std::vector<T>& values, Shape shape) {
  const TemporaryFolder folder;
  const HostTensor tensor = HostTensor::from(values, shape);
  write_safetensors(folder / "a", {{"x", tensor.view()}});
  const HostTensor back = SafetensorsFile(folder / "a").read("x");
  CHECK(back.shape() == shape);
  CHECK(back.dtype() == dtype_of<T>);
  CHECK(std::memcmp(back.view().data, tensor.view().data, tensor.view().bytes()) == 0);
}

}  // namespace

TEST_CASE("tensors of every type and rank are unchanged by writing and reading a file") {
  check_round_trip<float>({1.5f, -0.0f, 3e-45f, INFINITY, NAN, 7}, {2, 3});
  check_round_trip<double>({1e300, -2}, {2});
  check_round_trip<bf16>({bf16(1.0f), bf16(-3.0f)}, {1, 2, 1, 1, 1});
  check_round_trip<std::uint8_t>({0, 255, 7}, {3});
  check_round_trip<std::int32_t>({-1}, {});
  check_round_trip<std::int64_t>({INT64_MIN, INT64_MAX}, {1, 2});
}

TEST_CASE("an empty tensor and a file without tensors can be written and read") {
  const TemporaryFolder folder;
  const HostTensor empty(Shape{3, 0}, DType::f32);
  const HostTensor one = HostTensor::from<float>({4}, {1});
  write_safetensors(folder / "a", {{"empty", empty.view()}, {"one", one.view()}});
  const SafetensorsFile file(folder / "a");
  CHECK(file.read("empty").shape() == Shape{3, 0});
  CHECK(values_of<float>(file.read("one")) == std::vector<float>{4});
  write_safetensors(folder / "b", {});
  CHECK(SafetensorsFile(folder / "b").entries().empty());
}

TEST_CASE("a file is written in its one canonical form, byte for byte") {
  const TemporaryFolder folder;
  const HostTensor b = HostTensor::from<float>({1, 2}, {2});
  const HostTensor a = HostTensor::from<std::uint8_t>({9}, {1, 1});
  const HostTensor c = HostTensor::from<float>({3}, {});
  const HostTensor d = HostTensor::from<std::int64_t>({4}, {1});
  // By falling alignment, then name, whatever the order in which they are given.
  write_safetensors(folder / "x",
                    {{"a", a.view()}, {"c", c.view()}, {"b", b.view()}, {"d\"\n", d.view()}},
                    {{"step", "7"}, {"format", "pt"}});
  const std::string file = read_text_file(folder / "x", 10'000);
  const std::string header = R"({"__metadata__":{"format":"pt","step":"7"},)"
                             R"("d\"\n":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
                             R"("b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},)"
                             R"("c":{"dtype":"F32","shape":[],"data_offsets":[16,20]},)"
                             R"("a":{"dtype":"U8","shape":[1,1],"data_offsets":[20,21]}})";
  const std::size_t padded = (header.size() + 7) / 8 * 8;
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);
  CHECK(length == padded);
  CHECK(file.substr(8, padded) == header + std::string(padded - header.size(), ' '));
  const std::string data(
      "\x04\0\0\0\0\0\0\0"
      "\0\0\x80\x3f"
      "\0\0\0\x40"
      "\0\0\x40\x40"
      "\x09",
      21);
  CHECK((file.substr(8 + padded) == data));
}

TEST_CASE("safetensors entries are in the order of their data and are found by name") {
  const TemporaryFolder folder;
  const HostTensor small = HostTensor::from<std::uint8_t>({9}, {1});
  const HostTensor wide = HostTensor::from<double>({1}, {1});
  write_safetensors(folder / "x", {{"small", small.view()}, {"wide", wide.view()}}, {{"k", "v"}});
  const SafetensorsFile file(folder / "x");
  REQUIRE(file.entries().size() == 2);
  CHECK(file.entries()[0].name == "wide");
  CHECK(file.entries()[0].dtype == "F64");
  CHECK(file.entries()[1].begin == 8);
  CHECK(file.find("small") == &file.entries()[1]);
  CHECK(file.find("none") == nullptr);
  CHECK(file.metadata().at("k") == "v");
  CHECK(file.path() == folder / "x");
}

TEST_CASE("reading a tensor that is not in the file is refused with its name") {
  const TemporaryFolder folder;
  write_safetensors(folder / "x", {});
  DCGAN_CHECK_FAILS(SafetensorsFile(folder / "x").read("main.0.weight"), ErrorKind::bad_data,
                    "no tensor \"main.0.weight\" (of 0)");
}

TEST_CASE(
    "tensor names that the format cannot hold are an internal error, and no file is written") {
  const TemporaryFolder folder;
  const HostTensor tensor = HostTensor::from<float>({1}, {1});
  const auto write = [&](const std::vector<std::string>& names) {
    std::vector<SafetensorsItem> items;
    for (const std::string& name : names) items.push_back({name, tensor.view()});
    write_safetensors(folder / "x", items);
  };
  DCGAN_CHECK_FAILS(write({"a", "b", "a"}), ErrorKind::internal, "two tensors named \"a\"");
  DCGAN_CHECK_FAILS(write({"__metadata__"}), ErrorKind::internal, "__metadata__");
  DCGAN_CHECK_FAILS(write({"\xff"}), ErrorKind::internal, "is not UTF-8");
  CHECK(folder.entries() == 0);
}

TEST_CASE("two tensors of one name are refused even when they differ in type") {
  const TemporaryFolder folder;
  const HostTensor f = HostTensor::from<float>({1}, {1});
  const HostTensor u = HostTensor::from<std::uint8_t>({1}, {1});
  DCGAN_CHECK_FAILS(
      write_safetensors(folder / "x", {{"a", f.view()}, {"b", f.view()}, {"a", u.view()}}),
      ErrorKind::internal, "two tensors named \"a\"");
}

TEST_CASE("a tensor's bytes can be read whatever its type") {
  const TemporaryFolder folder;
  const HostTensor tensor = HostTensor::from<std::int32_t>({1, 256}, {2});
  write_safetensors(folder / "x", {{"a", tensor.view()}});
  CHECK(values_of<std::uint8_t>(SafetensorsFile(folder / "x").read_raw("a")) ==
        std::vector<std::uint8_t>{1, 0, 0, 0, 0, 1, 0, 0});
  DCGAN_CHECK_FAILS(SafetensorsFile(folder / "x").read_raw("b"), ErrorKind::bad_data,
                    "no tensor \"b\" (of 1)");
}

TEST_CASE("a SafetensorsFile can be moved and still be read") {
  const TemporaryFolder folder;
  const HostTensor tensor = HostTensor::from<float>({5}, {1});
  write_safetensors(folder / "x", {{"a", tensor.view()}});
  SafetensorsFile first(folder / "x");
  const SafetensorsFile second = std::move(first);
  CHECK(values_of<float>(second.read("a")) == std::vector<float>{5});
}

TEST_CASE("a file that is cut after it was opened is an input error") {
  const TemporaryFolder folder;
  const HostTensor tensor(Shape{1000}, DType::f32);
  write_safetensors(folder / "x", {{"a", tensor.view()}});
  const SafetensorsFile file(folder / "x");
  std::filesystem::resize_file(folder / "x", 500);
  DCGAN_CHECK_FAILS(file.read("a"), ErrorKind::io, "ends at byte 500");
}

TEST_CASE("the traces recorded from PyTorch open, and every tensor reads") {
  DCGAN_SHARED_OR_SKIP(folder, "parity");
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".safetensors") continue;
    CAPTURE(entry.path().string());
    const SafetensorsFile file(entry.path());
    CHECK_FALSE(file.entries().empty());
    for (const SafetensorsEntry& tensor : file.entries()) {
      CHECK(file.read(tensor.name).view().bytes() == tensor.end - tensor.begin);
    }
    ++files;
  }
  CHECK(files >= 1);
}

TEST_CASE("a PyTorch trace written again holds the same values and metadata") {
  DCGAN_SHARED_OR_SKIP(path, "parity/dc32_f32.safetensors");
  const TemporaryFolder folder;
  const SafetensorsFile original(path);
  std::vector<HostTensor> tensors;
  for (const SafetensorsEntry& entry : original.entries()) {
    tensors.push_back(original.read(entry.name));
  }
  std::vector<SafetensorsItem> items;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    items.push_back({original.entries()[i].name, tensors[i].view()});
  }
  write_safetensors(folder / "x", items, original.metadata());
  const SafetensorsFile copy(folder / "x");
  CHECK(copy.metadata() == original.metadata());
  REQUIRE(copy.entries().size() == items.size());
  for (const SafetensorsItem& item : items) {
    const HostTensor back = copy.read(item.name);
    CAPTURE(item.name);
    CHECK(back.shape() == item.tensor.shape);
    CHECK(std::memcmp(back.view().data, item.tensor.data, item.tensor.bytes()) == 0);
  }
}
