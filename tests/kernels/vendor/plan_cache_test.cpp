#include "kernels/vendor/plan_cache.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/catch.h"

using namespace dcgan;

namespace {

// A folder of its own, gone after the test.
struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("dcgan-plan-cache-" + std::to_string(::getpid()));
  ~Folder() { std::filesystem::remove_all(path); }
};

std::filesystem::path only_file(const std::filesystem::path& folder) {
  const std::filesystem::directory_iterator files(folder);
  REQUIRE(files != std::filesystem::directory_iterator{});
  return files->path();
}

}  // namespace

TEST_CASE("a stored plan is found under its key only") {
  const Folder folder;
  REQUIRE(store_cached(folder.path, "cudnn 91900 H200: forward", "{\"plan\":\n1}"));
  CHECK(load_cached(folder.path, "cudnn 91900 H200: forward") == "{\"plan\":\n1}");
  CHECK_FALSE(load_cached(folder.path, "cudnn 91901 H200: forward"));
}

TEST_CASE("storing again replaces, and leaves one file") {
  const Folder folder;
  REQUIRE(store_cached(folder.path, "key", "old"));
  REQUIRE(store_cached(folder.path, "key", "new"));
  CHECK(load_cached(folder.path, "key") == "new");
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 1);
}

TEST_CASE("a file of another key, or cut short, is no plan") {
  const Folder folder;
  REQUIRE(store_cached(folder.path, "key", "text"));
  std::ofstream(only_file(folder.path)) << "another key\ntext";
  CHECK_FALSE(load_cached(folder.path, "key"));
  std::ofstream(only_file(folder.path)) << "key\n";
  CHECK_FALSE(load_cached(folder.path, "key"));
}

TEST_CASE("a cache that cannot be written says so and does not throw") {
  CHECK_FALSE(store_cached("", "key", "text"));
  CHECK_FALSE(store_cached("/proc/no-such-folder", "key", "text"));
  CHECK_FALSE(load_cached("", "key"));
}
