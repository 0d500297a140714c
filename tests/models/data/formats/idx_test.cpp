#include <zlib.h>

#include <algorithm>

#include "tests/models/data/data_makers.h"
#include "tests/support/catch.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;
using namespace dcgan::test;

namespace {

Octets gzip(const Octets& contents) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  Octets output(deflateBound(&stream, contents.size()));
  stream.next_in = const_cast<Bytef*>(contents.data());
  stream.avail_in = static_cast<uInt>(contents.size());
  stream.next_out = output.data();
  stream.avail_out = static_cast<uInt>(output.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  output.resize(stream.total_out);
  deflateEnd(&stream);
  return output;
}

DatasetOptions mnist(const std::filesystem::path& path, int image_size = 28, int channels = 1) {
  DatasetOptions options;
  options.kind = DatasetKind::mnist;
  options.path = path;
  options.image_size = image_size;
  options.channels = channels;
  return options;
}

/// Loads the file with `change` applied to its octets and returns the error.
template <class Change>
Error error_with(const std::filesystem::path& folder, Octets file, Change change) {
  change(file);
  write_octets(folder / "train-images-idx3-ubyte", file);
  return load_error(mnist(folder));
}

}  // namespace

TEST_CASE("an IDX folder is found under either name, plain and gzipped") {
  for (const std::string name : {"train-images-idx3-ubyte", "train-images.idx3-ubyte"}) {
    for (const bool zipped : {false, true}) {
      CAPTURE(name, zipped);
      const TemporaryFolder folder;
      std::string labels = name;
      labels.replace(labels.find("images"), 6, "labels").replace(labels.find("idx3"), 4, "idx1");
      const std::string end = zipped ? ".gz" : "";
      const Octets images = idx_file({5, 28, 28}), numbers = idx_file({5});
      write_octets(folder.path() / (name + end), zipped ? gzip(images) : images);
      write_octets(folder.path() / (labels + end), zipped ? gzip(numbers) : numbers);
      const Dataset data = load_dataset(mnist(folder.path()));
      REQUIRE(data.shape == Shape{5, 28, 28, 1});
      REQUIRE(data.pixels == Octets(images.begin() + 16, images.end()));
      REQUIRE(data.labels == std::vector<std::int32_t>{0, 7, 14, 21, 28});
      REQUIRE(data.notes.empty());
    }
  }
}

TEST_CASE("an IDX file without labels beside it loads with a note") {
  const TemporaryFolder folder;
  write_octets(folder.path() / "my.idx", idx_file({2, 28, 28}));
  const Dataset data = load_dataset(mnist(folder.path() / "my.idx"));
  REQUIRE(data.size() == 2);
  REQUIRE(data.labels.empty());
  REQUIRE(data.notes.size() == 1);
}

TEST_CASE("28 become 32 by zeros, other sizes by a resize, grey becomes RGB") {
  const TemporaryFolder folder;
  const Octets file = idx_file({1, 28, 28});
  write_octets(folder.path() / "train-images-idx3-ubyte", file);
  const Dataset padded = load_dataset(mnist(folder.path(), 32, 3));
  REQUIRE(padded.shape == Shape{1, 32, 32, 3});
  for (std::size_t row = 0; row < 32; ++row) {
    for (std::size_t i = 0; i < 96; ++i) {
      const std::size_t column = i / 3;
      const bool inside = row >= 2 && row < 30 && column >= 2 && column < 30;
      const int expected = inside ? file[16 + (row - 2) * 28 + column - 2] : 0;
      REQUIRE(padded.pixels[row * 96 + i] == expected);
    }
  }
  REQUIRE(load_dataset(mnist(folder.path(), 64)).shape == Shape{1, 64, 64, 1});
}

TEST_CASE("a broken IDX header is refused with its offset") {
  const TemporaryFolder folder;
  const Octets good = idx_file({3, 28, 28});
  const auto error = [&](std::size_t offset, std::uint8_t value) {
    return error_with(folder.path(), good, [&](Octets& file) { file[offset] = value; });
  };
  for (const auto& [offset, value, text] : {std::tuple{std::size_t{0}, std::uint8_t{1}, "offset 0"},
                                            {std::size_t{1}, std::uint8_t{1}, "offset 0"},
                                            {std::size_t{2}, std::uint8_t{0x0d}, "offset 2"},
                                            {std::size_t{3}, std::uint8_t{1}, "offset 3"},
                                            {std::size_t{4}, std::uint8_t{255}, "offset 16"},
                                            {std::size_t{7}, std::uint8_t{4}, "offset 16"},
                                            {std::size_t{8}, std::uint8_t{255}, "offset 8"},
                                            {std::size_t{15}, std::uint8_t{0}, "offset 12"}}) {
    CAPTURE(offset);
    const Error thrown = error(offset, value);
    REQUIRE(thrown.kind() == ErrorKind::bad_data);
    REQUIRE_THAT(thrown.what(), Contains("train-images-idx3-ubyte") && Contains(text));
  }
}

TEST_CASE("an IDX file of any other length is refused") {
  const TemporaryFolder folder;
  const Octets good = idx_file({2, 8, 8});
  for (std::size_t length = 0; length < good.size(); ++length) {
    const Error cut = error_with(folder.path(), good, [&](Octets& file) { file.resize(length); });
    REQUIRE(cut.kind() == ErrorKind::bad_data);
  }
  const Error tail = error_with(folder.path(), good, [](Octets& file) { file.push_back(0); });
  REQUIRE(tail.kind() == ErrorKind::bad_data);
}

TEST_CASE("any flipped bit of an IDX header is refused") {
  // The extents determine the length, so no bit of the 16 bytes can change unnoticed; with two
  // exceptions at most: none here, since 2 * 8 * 8 has no other writing one bit away.
  const TemporaryFolder folder;
  const Octets good = idx_file({2, 8, 8});
  for (std::size_t bit = 0; bit < 16 * 8; ++bit) {
    CAPTURE(bit);
    const Error error = error_with(folder.path(), good, [&](Octets& file) {
      file[bit / 8] = static_cast<std::uint8_t>(file[bit / 8] ^ (1u << bit % 8));
    });
    REQUIRE(error.kind() == ErrorKind::bad_data);
  }
}

TEST_CASE("a gzipped IDX file cut short anywhere or with a flipped bit is refused") {
  const TemporaryFolder folder;
  const Octets good = gzip(idx_file({2, 8, 8}));
  const auto path = folder.path() / "train-images-idx3-ubyte.gz";
  for (std::size_t length = 0; length < good.size(); ++length) {
    write_octets(path, Octets(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length)));
    REQUIRE(load_error(mnist(folder.path())).kind() == ErrorKind::bad_data);
  }
  write_octets(path, good);
  const Dataset whole = load_dataset(mnist(folder.path()));
  // After the member's ten header bytes the check sum covers every bit but deflate's padding, at
  // most seven bits before the eight octets of the trailer, which changes nothing.
  for (std::size_t i = 10; i < good.size(); ++i) {
    CAPTURE(i);
    Octets bad = good;
    bad[i] = static_cast<std::uint8_t>(bad[i] ^ 0x10u);
    write_octets(path, bad);
    if (i + 9 == good.size()) {
      REQUIRE(load_dataset(mnist(folder.path())).pixels == whole.pixels);
    } else {
      REQUIRE(load_error(mnist(folder.path())).kind() == ErrorKind::bad_data);
    }
  }
}

TEST_CASE("labels must be as many as the images") {
  const TemporaryFolder folder;
  write_octets(folder.path() / "train-images-idx3-ubyte", idx_file({3, 28, 28}));
  write_octets(folder.path() / "train-labels-idx1-ubyte", idx_file({2}));
  const Error error = load_error(mnist(folder.path()));
  REQUIRE(error.kind() == ErrorKind::bad_data);
  REQUIRE_THAT(error.what(), Contains("2 labels for the 3 images"));
  write_octets(folder.path() / "train-labels-idx1-ubyte", idx_file({3, 1, 1}));
  REQUIRE(load_error(mnist(folder.path())).kind() == ErrorKind::bad_data);
}

TEST_CASE("no IDX file, or one without images, is a matter of configuration") {
  const TemporaryFolder folder;
  REQUIRE(load_error(mnist(folder.path())).kind() == ErrorKind::config);
  REQUIRE(load_error(mnist(folder.path() / "absent")).kind() == ErrorKind::config);
  write_octets(folder.path() / "train-images-idx3-ubyte", idx_file({0, 28, 28}));
  REQUIRE(load_error(mnist(folder.path())).kind() == ErrorKind::config);
}

TEST_CASE("MNIST has its known labels and its known mean") {
  DCGAN_SHARED_OR_SKIP(folder, "data/mnist");
  const Dataset data = load_dataset(mnist(folder, 32));
  REQUIRE(data.shape == Shape{60000, 32, 32, 1});
  std::vector<int> histogram(10);
  for (const std::int32_t label : data.labels) ++histogram.at(static_cast<std::size_t>(label));
  REQUIRE(histogram ==
          std::vector<int>{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949});
  double sum = 0;
  for (const std::uint8_t value : data.pixels) sum += value;
  // 0.1307, the mean everyone normalises MNIST with, is rounded to four digits.
  REQUIRE(sum / 255.0 / (60000.0 * 28 * 28) == Approx(0.1307).margin(0.00005));
  REQUIRE(load_dataset(mnist(folder / "t10k-images-idx3-ubyte.gz")).size() == 10000);
}
