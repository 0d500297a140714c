#include <sys/stat.h>

#include <algorithm>

#include "models/data/formats/resize.h"
#include "tests/models/data/data_makers.h"
#include "tests/support/catch.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;
using namespace dcgan::test;

namespace {

namespace fs = std::filesystem;

DatasetOptions folder_of(const fs::path& path, int image_size = 8) {
  DatasetOptions options;
  options.kind = DatasetKind::folder;
  options.path = path;
  options.image_size = image_size;
  return options;
}

DatasetOptions skipping(DatasetOptions options) {
  options.on_corrupt = CorruptPolicy::skip;
  return options;
}

Octets expected_pixels(int seed, int size = 8) {
  Octets pixels(static_cast<std::size_t>(size * size * 3));
  resize_and_crop(picture(12, 9, seed), size, pixels.data());
  return pixels;
}

/// The seeds of the pictures of a data set, by comparing; -1: none of 0..19.
std::vector<int> seeds_of(const Dataset& data) {
  std::vector<int> seeds;
  const auto bytes = static_cast<std::ptrdiff_t>(data.pixels.size()) / data.size();
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const auto begin = data.pixels.begin() + i * bytes;
    int seed = 19;
    while (seed >= 0 && Octets(begin, begin + bytes) != expected_pixels(seed)) --seed;
    seeds.push_back(seed);
  }
  return seeds;
}

}  // namespace

TEST_CASE("a plain folder is read in the bytewise order of its names, without labels") {
  const TemporaryFolder folder;
  write_picture(folder.path() / "b.png", 1);
  write_picture(folder.path() / "a.PNG", 2);
  write_picture(folder.path() / "B.Png", 3);
  write_picture(folder.path() / "\xc3\xa9.png", 4);
  write_octets(folder.path() / "notes.txt", {1, 2, 3});
  const Dataset data = load_dataset(folder_of(folder.path()));
  REQUIRE(seeds_of(data) == std::vector<int>{3, 2, 1, 4});
  REQUIRE(data.labels.empty());
  REQUIRE(describe(data.left_out) == "1 of no picture format (notes.txt)");
}

TEST_CASE("hidden and system names are left out and make no class") {
  const TemporaryFolder folder;
  write_picture(folder.path() / "a.png", 1);
  for (const char* name : {".hidden.png", "._a.png", ".DS_Store", "Thumbs.db", "desktop.ini",
                           "__MACOSX/a.png", "@eaDir/a.png", ".ipynb_checkpoints/a.png"}) {
    write_picture(folder.path() / name, 2);
  }
  DatasetOptions options = folder_of(folder.path());
  options.left_out = LeftOutPolicy::refused;  // they are no data
  const Dataset data = load_dataset(options);
  REQUIRE(seeds_of(data) == std::vector<int>{1});
  REQUIRE(data.labels.empty());
  REQUIRE(describe(data.left_out) == "8 with hidden or system names (.DS_Store, ...)");
}

TEST_CASE("what a run wrote is no training data") {
  const TemporaryFolder folder;
  write_picture(folder.path() / "a.png", 1);
  write_picture(folder.path() / "mine/samples.png", 2);
  write_picture(folder.path() / "mine/samples/step_00000001.png", 2);
  write_picture(folder.path() / "older/deep/real.png", 2);
  write_octets(folder.path() / "older/deep/metrics.jsonl", {});
  write_octets(folder.path() / "older/deep/losses.csv", {});
  DatasetOptions options = folder_of(folder.path());
  options.run_folder = folder.path() / "older" / ".." / "mine";
  options.left_out = LeftOutPolicy::refused;
  const Dataset data = load_dataset(options);
  REQUIRE(seeds_of(data) == std::vector<int>{1});
  REQUIRE(data.labels.empty());
  REQUIRE(describe(data.left_out) == "2 written by a training run (mine, ...)");

  options.run_folder = folder.path() / "absent";  // then mine/ is a class like another
  REQUIRE(seeds_of(load_dataset(options = folder_of(folder.path()))) == std::vector<int>{2, 2});
}

TEST_CASE("a run that writes into its data's folder leaves its own files out") {
  const TemporaryFolder folder;
  for (const char* name : {"real.png", "samples.png", "samples/step_00000001.png"}) {
    write_picture(folder.path() / name, 2);
  }
  write_picture(folder.path() / "a.png", 1);
  DatasetOptions options = folder_of(folder.path());
  options.run_folder = folder.path();
  REQUIRE(seeds_of(load_dataset(options)) == std::vector<int>{1});
  REQUIRE(load_dataset(options).left_out.front().count == 3);
  options.path = folder.path() / "samples";  // asked for by name
  REQUIRE(seeds_of(load_dataset(options)) == std::vector<int>{2});
}

TEST_CASE("strict: what might be data and is left out is an error") {
  const TemporaryFolder folder;
  write_picture(folder.path() / "a.png", 1);
  write_octets(folder.path() / "b.png", {1, 2});
  DatasetOptions options = skipping(folder_of(folder.path()));
  options.left_out = LeftOutPolicy::refused;
  DCGAN_CHECK_FAILS(load_dataset(options), ErrorKind::bad_data, "1 images were skipped");
  fs::remove(folder.path() / "b.png");
  REQUIRE(load_dataset(options).size() == 1);
  write_octets(folder.path() / "list.csv", {1});
  DCGAN_CHECK_FAILS(load_dataset(options), ErrorKind::bad_data,
                    "--strict: left out: 1 of no picture format (list.csv)");
}

TEST_CASE("a picture is taken whatever its ending") {
  const TemporaryFolder folder;
  write_picture(folder.path() / "a.png", 1);
  for (const char* name : {"b", "c.dat", "d.JPG", "e.webp"}) {
    fs::copy_file(folder.path() / "a.png", folder.path() / name);
  }
  REQUIRE(seeds_of(load_dataset(folder_of(folder.path()))) == std::vector<int>(5, 1));
}

TEST_CASE("labels are the ranks of the first sub-folders") {
  const TemporaryFolder folder;
  write_picture(folder.path() / "dog/deep/er/x.png", 1);
  write_picture(folder.path() / "cat/x.png", 2);
  write_picture(folder.path() / "ant/x.png", 3);
  fs::create_directories(folder.path() / "bee");
  const Dataset data = load_dataset(folder_of(folder.path()));
  REQUIRE(seeds_of(data) == std::vector<int>{3, 2, 1});
  REQUIRE(data.labels == std::vector<std::int32_t>{0, 1, 2});

  DatasetOptions some = folder_of(folder.path());
  some.classes = {"dog", "ant"};
  REQUIRE(seeds_of(load_dataset(some)) == std::vector<int>{3, 1});
  REQUIRE(load_dataset(some).labels == std::vector<std::int32_t>{0, 1});
  for (const std::string absent : {"cow", "", "..", "dog/deep"}) {
    some.classes = {"dog", absent};
    REQUIRE(load_error(some).kind() == ErrorKind::config);
  }
}

TEST_CASE("images beside sub-folders are left out and counted, as are sub-folders without images") {
  const TemporaryFolder folder;
  write_picture(folder.path() / "a/x.png", 1);
  write_picture(folder.path() / "stray.png", 2);
  write_picture(folder.path() / "other.png", 3);
  write_octets(folder.path() / "b/list.csv", {'a', ',', 'b'});
  const Dataset data = load_dataset(folder_of(folder.path()));
  REQUIRE(seeds_of(data) == std::vector<int>{1});
  REQUIRE(describe(data.left_out) ==
          "2 beside the class folders (other.png, ...); 1 folders without a picture (b); "
          "1 of no picture format (b/list.csv)");
}

TEST_CASE("nothing found is a matter of configuration, with the counts") {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "empty");
  write_octets(folder.path() / "readme.txt", {1});
  const Error error = load_error(folder_of(folder.path()));
  REQUIRE(error.kind() == ErrorKind::config);
  REQUIRE_THAT(error.what(), Contains("0 images in 2 folders") &&
                                 Contains("1 of no picture format (readme.txt)"));
  REQUIRE(load_error(folder_of(folder.path() / "absent")).kind() == ErrorKind::config);
  REQUIRE(load_error(folder_of(folder.path() / "readme.txt")).kind() == ErrorKind::config);
}

TEST_CASE("the first bad file in path order is named, whatever the number of workers") {
  const TemporaryFolder folder;
  for (int i = 0; i < 20; ++i) write_picture(folder.path() / fmt::format("{:02}.png", i), i);
  for (const int bad : {7, 8, 15}) {
    write_octets(folder.path() / fmt::format("{:02}.png", bad), {0x89, 'P', 'N', 'G'});
  }
  for (const int workers : {1, 2, 3, 16}) {
    for (int repeat = 0; repeat < 5; ++repeat) {
      DatasetOptions options = folder_of(folder.path());
      options.workers = workers;
      const Error error = load_error(options);
      REQUIRE(error.kind() == ErrorKind::bad_data);
      REQUIRE_THAT(error.what(), Contains("07.png"));
      const Dataset data = load_dataset(skipping(options));
      REQUIRE(seeds_of(data) ==
              std::vector<int>{0, 1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14, 16, 17, 18, 19});
      REQUIRE(data.skipped.size() == 3);
      REQUIRE_THAT(data.skipped[1].path, Contains("08.png"));
      REQUIRE_FALSE(data.skipped[1].reason.empty());
    }
  }
}

TEST_CASE("skipping keeps labels with their images, and everything skipped is an error") {
  const TemporaryFolder folder;
  write_octets(folder.path() / "a/x.png", {1});
  write_picture(folder.path() / "b/x.png", 1);
  const Dataset data = load_dataset(skipping(folder_of(folder.path())));
  REQUIRE(data.labels == std::vector<std::int32_t>{1});
  write_octets(folder.path() / "b/x.png", {1});
  const Error error = load_error(skipping(folder_of(folder.path())));
  REQUIRE(error.kind() == ErrorKind::bad_data);
  REQUIRE_THAT(error.what(), Contains("all 2 images"));
}

TEST_CASE("a FIFO, a dangling link and a link in a circle neither hang nor pass") {
  for (const int which : {0, 1, 2, 3}) {
    CAPTURE(which);
    const TemporaryFolder folder;
    write_picture(folder.path() / "a/z.png", 1);
    const fs::path bad = folder.path() / "a/bad.png";
    if (which == 0) REQUIRE(::mkfifo(bad.c_str(), 0600) == 0);
    if (which == 1) fs::create_symlink("vanished.png", bad);
    if (which == 2) fs::create_symlink("bad.png", bad);
    if (which == 3) fs::create_directory_symlink("..", bad);
    const Error error = load_error(folder_of(folder.path()));
    REQUIRE((error.kind() == ErrorKind::bad_data || error.kind() == ErrorKind::io));
    REQUIRE_THAT(error.what(), Contains("bad.png"));
    const Dataset data = load_dataset(skipping(folder_of(folder.path())));
    REQUIRE(seeds_of(data) == std::vector<int>{1});
    REQUIRE(data.skipped.size() == 1);
  }
}

TEST_CASE("links to files and folders elsewhere are followed") {
  const TemporaryFolder folder;
  write_picture(folder.path() / "store/x.png", 1);
  fs::create_directories(folder.path() / "data");
  fs::create_directory_symlink("../store", folder.path() / "data/a");
  fs::create_directory_symlink("../store", folder.path() / "data/b");
  const Dataset data = load_dataset(folder_of(folder.path() / "data"));
  REQUIRE(seeds_of(data) == std::vector<int>{1, 1});
  REQUIRE(data.labels == std::vector<std::int32_t>{0, 1});
}

TEST_CASE("an image cut short anywhere is refused") {
  const TemporaryFolder folder;
  write_picture(folder.path() / "x.png", 1);
  const Octets good = read_octets(folder.path() / "x.png");
  // The last chunk of 12 bytes (IEND) holds no pixels; cut within it the picture may be whole.
  for (std::size_t length = 0; length + 12 < good.size(); length += 5) {
    CAPTURE(length);
    write_octets(folder.path() / "x.png",
                 Octets(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length)));
    REQUIRE(load_error(folder_of(folder.path())).kind() == ErrorKind::bad_data);
  }
}

TEST_CASE("faces load alike with one worker and with three") {
  DCGAN_SHARED_OR_SKIP(faces, "data/faces_artflow/orig256");
  DatasetOptions options = folder_of(faces, 64);
  options.workers = 1;
  const Dataset one = load_dataset(options);
  REQUIRE(one.shape == Shape{64, 64, 64, 3});
  options.workers = 3;
  REQUIRE(load_dataset(options).pixels == one.pixels);
}

TEST_CASE("RGBA cartoons load at 64 without their alpha") {
  DCGAN_SHARED_OR_SKIP(cartoons, "data/cartoonset_samples");
  const Dataset data = load_dataset(folder_of(cartoons, 64));
  REQUIRE(data.shape == Shape{30, 64, 64, 3});
  REQUIRE(data.labels.empty());
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const std::uint8_t* image = data.pixels.data() + i * 64 * 64 * 3;
    const auto [low, high] = std::minmax_element(image, image + 64 * 64 * 3);
    REQUIRE(*high - *low > 100);
  }
}
