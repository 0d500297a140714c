#include "tests/models/data/data_makers.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;
using namespace dcgan::test;

namespace {

/// `count` records; record i has label i (CIFAR-100: coarse i, fine i + 40), and each plane c of it
/// the value (i + 10 c + place) mod 256.
Octets records(int count, DatasetKind kind, int first = 0) {
  Octets file;
  for (int i = first; i < first + count; ++i) {
    file.push_back(static_cast<std::uint8_t>(i));
    if (kind == DatasetKind::cifar100) file.push_back(static_cast<std::uint8_t>(i + 40));
    for (int c = 0; c < 3; ++c) {
      for (int place = 0; place < 1024; ++place) {
        file.push_back(static_cast<std::uint8_t>(i + 10 * c + place));
      }
    }
  }
  return file;
}

DatasetOptions cifar(const std::filesystem::path& path, DatasetKind kind = DatasetKind::cifar10) {
  DatasetOptions options;
  options.kind = kind;
  options.path = path;
  options.image_size = 32;
  return options;
}

void write_batches(const std::filesystem::path& folder) {
  for (int batch = 1; batch <= 5; ++batch) {
    write_octets(folder / fmt::format("data_batch_{}.bin", batch),
                 records(1, DatasetKind::cifar10, batch));
  }
}

}  // namespace

TEST_CASE("a CIFAR file's planes become pixels") {
  const TemporaryFolder folder;
  for (const DatasetKind kind : {DatasetKind::cifar10, DatasetKind::cifar100}) {
    write_octets(folder.path() / "one.bin", records(3, kind));
    const Dataset data = load_dataset(cifar(folder.path() / "one.bin", kind));
    REQUIRE(data.shape == Shape{3, 32, 32, 3});
    const int offset = kind == DatasetKind::cifar100 ? 40 : 0;
    REQUIRE(data.labels == std::vector<std::int32_t>{offset, offset + 1, offset + 2});
    for (int k = 0; k < 3 * 3072; ++k) {
      const int i = k / 3072, place = k % 3072 / 3, c = k % 3;
      REQUIRE(data.pixels[static_cast<std::size_t>(k)] ==
              static_cast<std::uint8_t>(i + 10 * c + place));
    }
  }
}

TEST_CASE("CIFAR-10's five files are read in order, also from the archive's folder") {
  const TemporaryFolder folder;
  write_batches(folder.path() / "cifar-10-batches-bin");
  const std::vector<std::int32_t> expected{1, 2, 3, 4, 5};
  REQUIRE(load_dataset(cifar(folder.path())).labels == expected);
  REQUIRE(load_dataset(cifar(folder.path() / "cifar-10-batches-bin")).labels == expected);
}

TEST_CASE("CIFAR resizes and turns grey when asked") {
  const TemporaryFolder folder;
  write_octets(folder.path() / "train.bin", records(2, DatasetKind::cifar100));
  DatasetOptions options = cifar(folder.path(), DatasetKind::cifar100);
  options.image_size = 64;
  options.channels = 1;
  REQUIRE(load_dataset(options).shape == Shape{2, 64, 64, 1});
}

TEST_CASE("a missing CIFAR file is named") {
  const TemporaryFolder folder;
  write_batches(folder.path());
  std::filesystem::remove(folder.path() / "data_batch_4.bin");
  const Error error = load_error(cifar(folder.path()));
  REQUIRE(error.kind() == ErrorKind::config);
  REQUIRE_THAT(error.what(), Contains("4 of the 5") && Contains("data_batch_4.bin"));
  REQUIRE(load_error(cifar(folder.path() / "absent")).kind() == ErrorKind::config);
}

TEST_CASE("a CIFAR file that is not whole records is refused with the offset") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "one.bin";
  const Octets good = records(2, DatasetKind::cifar10);
  for (std::size_t length = 1; length < good.size() + 300; length += 97) {
    CAPTURE(length);
    Octets bad = good;
    bad.resize(length);
    write_octets(path, bad);
    const Error error = load_error(cifar(path));
    REQUIRE(error.kind() == ErrorKind::bad_data);
    REQUIRE_THAT(error.what(), Contains(fmt::format("offset {}:", length / 3073 * 3073)));
  }
  write_octets(path, {});
  REQUIRE(load_error(cifar(path)).kind() == ErrorKind::config);
}

TEST_CASE("a CIFAR label beyond its classes is refused with the offset") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "one.bin";
  const auto error_with = [&](DatasetKind kind, std::size_t offset, std::uint8_t label) {
    Octets bad = records(3, kind);
    bad[offset] = label;
    write_octets(path, bad);
    const Error error = load_error(cifar(path, kind));
    REQUIRE_THAT(error.what(), Contains(fmt::format("offset {}: label {}", offset, label)));
    return error.kind();
  };
  REQUIRE(error_with(DatasetKind::cifar10, 3073, 10) == ErrorKind::bad_data);
  REQUIRE(error_with(DatasetKind::cifar100, 3074, 20) == ErrorKind::bad_data);
  REQUIRE(error_with(DatasetKind::cifar100, 2 * 3074 + 1, 100) == ErrorKind::bad_data);
}
