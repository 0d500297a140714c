#include <sys/stat.h>

#include <chrono>

#include "runtime/io/safetensors/safetensors.h"
#include "tests/models/data/data_makers.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;
using namespace dcgan::test;

namespace {

/// Three pictures and a broken one below "images", the cache beside.
struct Cached {
  TemporaryFolder folder;
  DatasetOptions options;

  Cached() {
    for (int i = 0; i < 3; ++i) write_picture(image(i), i);
    write_octets(folder.path() / "images/b/broken.png", {1, 2, 3});
    options.kind = DatasetKind::folder;
    options.path = folder.path() / "images";
    options.cache = folder.path() / "data.safetensors";
    options.image_size = 8;
    options.on_corrupt = CorruptPolicy::skip;
  }
  std::filesystem::path image(int i) const {
    return folder.path() / fmt::format("images/{}/{}.png", i == 0 ? "a" : "b", i);
  }
};

void require_equal(const Dataset& a, const Dataset& b) {
  REQUIRE(a.name == b.name);
  REQUIRE(a.shape == b.shape);
  REQUIRE(a.pixels == b.pixels);
  REQUIRE(a.labels == b.labels);
  REQUIRE(a.skipped.size() == b.skipped.size());
  for (std::size_t i = 0; i < a.skipped.size(); ++i) {
    REQUIRE(a.skipped[i].path == b.skipped[i].path);
    REQUIRE(a.skipped[i].reason == b.skipped[i].reason);
  }
}

}  // namespace

TEST_CASE("a cached data set equals the decoded one, skipped files included") {
  const Cached cached;
  const Dataset decoded = load_dataset(cached.options);
  REQUIRE(decoded.notes.empty());
  REQUIRE(decoded.skipped.size() == 1);
  const auto written = std::filesystem::last_write_time(cached.options.cache);
  const Dataset again = load_dataset(cached.options);
  REQUIRE(again.notes.empty());
  require_equal(again, decoded);
  REQUIRE(std::filesystem::last_write_time(cached.options.cache) == written);
}

TEST_CASE("a cached data set is used without decoding") {
  const Cached cached;
  const Dataset decoded = load_dataset(cached.options);
  // Other contents under the same name, size and time: only decoding would notice.
  const auto time = std::filesystem::last_write_time(cached.image(0));
  write_octets(cached.image(0), Octets(std::filesystem::file_size(cached.image(0)), 7));
  std::filesystem::last_write_time(cached.image(0), time);
  require_equal(load_dataset(cached.options), decoded);
}

TEST_CASE("a stale cache is rebuilt and says why") {
  const auto note_after = [](auto change) {
    Cached cached;
    load_dataset(cached.options);
    change(cached);
    const Dataset changed = load_dataset(cached.options);
    REQUIRE(changed.notes.size() == 1);
    DatasetOptions plain = cached.options;
    plain.cache.clear();
    require_equal(changed, load_dataset(plain));
    REQUIRE(load_dataset(cached.options).notes.empty());
    return changed.notes[0];
  };
  REQUIRE_THAT(note_after([](Cached& c) { c.options.image_size = 16; }),
               Contains("image_size was 8, is 16"));
  REQUIRE_THAT(note_after([](Cached& c) { c.options.channels = 1; }),
               Contains("channels was 3, is 1"));
  REQUIRE_THAT(note_after([](Cached& c) { c.options.classes = {"a"}; }),
               Contains("file_count was 4, is 1"));
  REQUIRE_THAT(note_after([](Cached& c) { write_picture(c.folder.path() / "images/a/9.png", 9); }),
               Contains("file_count was 4, is 5"));
  REQUIRE_THAT(note_after([](Cached& c) {
                 std::filesystem::rename(c.image(0), c.folder.path() / "images/a/new.png");
               }),
               Contains("files_hash"));
  REQUIRE_THAT(note_after([](Cached& c) {
                 const auto time = std::filesystem::last_write_time(c.image(1));
                 std::filesystem::last_write_time(c.image(1), time + std::chrono::seconds(5));
               }),
               Contains("files_hash"));
}

TEST_CASE("a damaged cache is rebuilt and says so") {
  const Cached cached;
  const Dataset decoded = load_dataset(cached.options);
  const Octets good = read_octets(cached.options.cache);
  const auto require_rebuilt = [&](const Octets& bad) {
    write_octets(cached.options.cache, bad);
    const Dataset rebuilt = load_dataset(cached.options);
    REQUIRE(rebuilt.notes.size() == 1);
    require_equal(rebuilt, decoded);
    REQUIRE(read_octets(cached.options.cache) == good);
  };
  // The format stands in the first 200 bytes of the header.
  for (std::size_t length = 200; length < good.size(); length += 61) {
    require_rebuilt(Octets(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length)));
  }
  // In the data, which only the hash protects.
  for (const std::size_t from_end : {1, 100, 300}) {
    Octets bad = good;
    bad[bad.size() - from_end] ^= 4;
    require_rebuilt(bad);
  }
}

TEST_CASE("only a file that is recognisably a cache is rebuilt") {
  Cached cached;
  load_dataset(cached.options);
  const Octets good = read_octets(cached.options.cache);
  const float value = 1;
  const std::filesystem::path other = cached.folder.path() / "other";
  write_safetensors(other, {{"weight", {&value, Shape{1}}}}, {{"format", "pt"}});
  const std::string text = "a user's notes on \"format\":\"dcgan-dataset-1\"";
  for (const Octets& foreign :
       {read_octets(other), Octets(text.begin(), text.end()),
        Octets(good.begin(), good.begin() + 40), Octets(100'000, 0), Octets{}}) {
    write_octets(cached.options.cache, foreign);
    const Error error = load_error(cached.options);
    REQUIRE(error.kind() == ErrorKind::config);
    REQUIRE_THAT(error.what(), Contains("left as it is"));
    REQUIRE(read_octets(cached.options.cache) == foreign);
  }
}

TEST_CASE("a cache is neither read from nor written to what is no regular file") {
  Cached cached;
  std::filesystem::create_directory(cached.folder.path() / "folder");
  REQUIRE(::mkfifo((cached.folder.path() / "fifo").c_str(), 0600) == 0);
  std::filesystem::create_symlink("fifo", cached.folder.path() / "link");
  for (const char* name : {"folder", "fifo", "link"}) {
    cached.options.cache = cached.folder.path() / name;
    const auto type = std::filesystem::symlink_status(cached.options.cache).type();
    REQUIRE(load_error(cached.options).kind() == ErrorKind::config);
    REQUIRE(std::filesystem::symlink_status(cached.options.cache).type() == type);
  }
}

TEST_CASE("a cache that cannot be written is an error") {
  Cached cached;
  cached.options.cache = cached.folder.path() / "absent/data.safetensors";
  REQUIRE(load_error(cached.options).kind() == ErrorKind::io);
}
