#include "models/data/packed/packed_file.h"

#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "runtime/io/mapped_file.h"
#include "tests/models/data/packed/packed_makers.h"
#include "tests/support/catch.h"

using namespace dcgan;
using namespace dcgan::test;

namespace {

namespace fs = std::filesystem;

/// The same images and labels, by way of a file.
void require_packs(const DatasetOptions& source) {
  const TemporaryFolder folder;
  const Dataset dataset = load_dataset(source);
  const std::string description = describe_source(source, dataset.skipped.size());
  write_packed(folder / "x.packed", dataset, description);
  DatasetOptions options = source;
  options.kind = DatasetKind::packed;
  options.path = folder / "x.packed";
  options.classes.clear();
  const Dataset packed = load_dataset(options);
  REQUIRE(packed.shape == dataset.shape);
  REQUIRE(packed.pixels == dataset.pixels);
  REQUIRE(packed.labels == dataset.labels);
  REQUIRE(packed.name == "packed " + options.path.string());
  REQUIRE(packed.notes.size() == 1);
  REQUIRE_THAT(packed.notes[0], Contains("packed from " + std::string(enum_name(source.kind))));
  const MappedFile mapping(options.path);
  REQUIRE_NOTHROW(check_packed_pixels(read_packed(mapping.bytes(), "x"), "x"));
}

DatasetOptions small(DatasetKind kind, const fs::path& path = {}) {
  DatasetOptions options;
  options.kind = kind;
  options.path = path;
  options.image_size = 16;
  options.count = 40;
  return options;
}

}  // namespace

TEST_CASE("every kind of data set can be packed and reads back alike") {
  const TemporaryFolder folder;
  require_packs(small(DatasetKind::strokes));

  write_octets(folder / "idx/train-images-idx3-ubyte", idx_file({5, 28, 28}));
  require_packs(small(DatasetKind::mnist, folder / "idx"));  // without labels
  write_octets(folder / "idx/train-labels-idx1-ubyte", idx_file({5}));
  require_packs(small(DatasetKind::mnist, folder / "idx"));

  write_octets(folder / "c10/one.bin", Octets(3 * 3073, 7));
  require_packs(small(DatasetKind::cifar10, folder / "c10/one.bin"));
  write_octets(folder / "c100/train.bin", Octets(3 * 3074, 7));
  require_packs(small(DatasetKind::cifar100, folder / "c100"));

  for (int i = 0; i < 4; ++i) {
    write_picture(folder / fmt::format("faces/{}/{}.png", i % 2 == 0 ? "a" : "b", i), i);
  }
  write_octets(folder / "faces/b/broken.png", {1, 2, 3});
  DatasetOptions faces = small(DatasetKind::folder, folder / "faces");
  faces.on_corrupt = CorruptPolicy::skip;
  require_packs(faces);
  faces.classes = {"b"};
  require_packs(faces);
}

TEST_CASE("a file without labels has no classes, one with labels one more than the largest") {
  CHECK(read_octets_packed(packed_octets(counted_dataset({5, 4, 4, 1}, false))).classes == 0);
  CHECK(read_octets_packed(packed_octets(counted_dataset({5, 4, 4, 1}))).classes == 3);
  CHECK(read_octets_packed(packed_octets(counted_dataset({1, 4, 4, 1}))).classes == 1);
}

TEST_CASE("the bytes of version 1 stay what they are") {
  const Octets file = packed_octets(counted_dataset({3, 2, 2, 1}), R"({"dataset":"a"})");
  const Octets header{
      0x89, 'D', 'C', 'G', '\r', '\n', 0x1a, '\n',  // magic
      1,    0,   0,   0,   16,   0,    0,    0,     // version, length of the description
      12,   16,  0,   0,   0,    0,    0,    0,     // length of the file
      3,    0,   0,   0,   0,    0,    0,    0,     // images
      2,    0,   0,   0,   2,    0,    0,    0,     // height, width
      1,    0,   0,   0,   3,    0,    0,    0,     // channels, classes
      '{',  '"', 'd', 'a', 't',  'a',  's',  'e',  't', '"', ':', '"', 'a', '"',
      '}',  ' ', 0,   0,   0,    0,    1,    0,    0,   0,   2,   0,   0,   0,  // labels
      0,    0,   0,   0};  // to a multiple of 8
  REQUIRE(file.size() == 4096 + 12);
  CHECK(Octets(file.begin(), file.begin() + 80) == header);
  const Octets pixels(file.begin() + 4096, file.end());
  CHECK(pixels == Octets{0, 7, 14, 21, 28, 35, 42, 49, 56, 63, 70, 77});
  const auto number_at = [&](std::size_t at) {
    std::uint64_t number = 0;
    std::memcpy(&number, file.data() + at, sizeof number);
    return number;
  };
  CHECK(number_at(80) == bytes_checksum(std::as_bytes(std::span(pixels))));
  CHECK(number_at(4088) == bytes_checksum(std::as_bytes(std::span(file).first(4088))));
}

TEST_CASE("a description names the options that make the images") {
  DatasetOptions options = small(DatasetKind::folder, "faces/\xff\x01");
  options.classes = {"a", "b"};
  const auto json = nlohmann::json::parse(describe_source(options, 2));
  CHECK(json["dataset"] == "folder");
  CHECK(json["data"] == "faces/\xef\xbf\xbd\x01");  // U+FFFD for what is no UTF-8
  CHECK(json["classes"] == nlohmann::json({"a", "b"}));
  CHECK(json["skipped"] == 2);
  CHECK(json["image-size"] == 16);
  CHECK(source_name(describe_source(options, 2), "x") == "folder \"faces/\xef\xbf\xbd\\x01\"");
  CHECK(nlohmann::json::parse(describe_source(small(DatasetKind::strokes), 0))["strokes-count"] ==
        40);
}

TEST_CASE("images of another size than the networks' are refused with both sizes") {
  const TemporaryFolder folder;
  write_packed(folder / "x.packed", counted_dataset({5, 16, 16, 1}), kDescription);
  DatasetOptions options = small(DatasetKind::packed, folder / "x.packed");
  options.channels = 1;
  CHECK(load_dataset(options).size() == 5);
  options.image_size = 32;
  DCGAN_CHECK_FAILS(load_dataset(options), ErrorKind::config,
                    "holds images 16x16x1, the networks take 32x32x1");
  options.image_size = 16;
  options.channels = 3;
  DCGAN_CHECK_FAILS(load_dataset(options), ErrorKind::config, "16x16x1, the networks take 16x16x3");
  options.path = folder / "gone";
  DCGAN_CHECK_FAILS(load_dataset(options), ErrorKind::config, "gone: not found");
}

TEST_CASE("the stored hash tells pixels apart and nothing else") {
  const Dataset dataset = counted_dataset({40, 32, 32, 3});
  const auto hash_of = [](const Dataset& of, const std::string& description) {
    return read_octets_packed(packed_octets(of, description)).dataset.stored_hash;
  };
  const std::string hash = hash_of(dataset, kDescription);
  CHECK(hash.size() == 32);
  CHECK(hash_of(dataset, R"({"dataset":"mnist"})") == hash);
  Dataset other = dataset;
  Octets pixels(dataset.pixels.begin(), dataset.pixels.end());
  pixels[100] ^= 1;
  other.pixels = std::move(pixels);
  CHECK(hash_of(other, kDescription) != hash);
}

TEST_CASE("only a packed file is replaced, and a link leads to one or to nothing") {
  const TemporaryFolder folder;
  const Dataset dataset = counted_dataset({5, 4, 4, 1});
  const auto write = [&](const fs::path& path) { write_packed(path, dataset, kDescription); };
  write(folder / "x.packed");
  write(folder / "x.packed");
  const Octets before = read_octets(folder / "x.packed");

  write_octets(folder / "notes.txt", {'h', 'e', 'l', 'l', 'o', ' ', 'y', 'o', 'u'});
  fs::create_directory(folder / "folder");
  fs::create_symlink("notes.txt", folder / "link");
  fs::create_symlink("gone", folder / "dangling");
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  const std::ptrdiff_t entries = folder.entries();
  DCGAN_CHECK_FAILS(write(folder / "notes.txt"), ErrorKind::config, "a file of another kind");
  DCGAN_CHECK_FAILS(write(folder / "folder"), ErrorKind::config, "a folder");
  DCGAN_CHECK_FAILS(write(folder / "link"), ErrorKind::config, "a file of another kind");
  DCGAN_CHECK_FAILS(write(folder / "dangling"), ErrorKind::config, "leads to no file");
  DCGAN_CHECK_FAILS(write(folder / "fifo"), ErrorKind::config, "a FIFO");
  DCGAN_CHECK_FAILS(write("/dev/null"), ErrorKind::config, "a device");
  DCGAN_CHECK_FAILS(write(folder / "gone/x.packed"), ErrorKind::io, "No such file");
  CHECK(folder.entries() == entries);  // no temporary file is left
  CHECK(read_octets(folder / "x.packed") == before);
}
