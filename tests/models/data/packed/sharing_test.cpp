// Which pages of a mapped data set a rank touches, and that ranks share them.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <sstream>

#include "models/data/loader.h"
#include "models/data/shuffle.h"
#include "tests/models/data/packed/packed_makers.h"
#include "tests/support/catch.h"

using namespace dcgan;
using namespace dcgan::test;

namespace {

constexpr std::int64_t kImages = 64;
constexpr std::int64_t kImageBytes = 256 * 256;

/// 4 MiB of images of 64 KiB in a file.
struct Packed {
  Packed() {
    write_packed(folder / "big.packed", counted_dataset({kImages, 256, 256, 1}), kDescription);
    options.kind = DatasetKind::packed;
    options.path = folder / "big.packed";
    options.image_size = 256;
    options.channels = 1;
  }
  TemporaryFolder folder;
  DatasetOptions options;
};

/// Bytes by name ("Rss", "Pss", ...) of the mapping of a file; empty where the system does not say.
std::map<std::string, std::int64_t> mapping_of(const std::filesystem::path& path) {
  std::ifstream smaps("/proc/self/smaps");
  std::map<std::string, std::int64_t> sizes;
  bool inside = false;
  for (std::string line; std::getline(smaps, line);) {
    std::istringstream words(line);
    std::string name, unit;
    std::int64_t kilobytes = 0;
    words >> name;
    if (!name.ends_with(':')) {  // "7f00-7f10 r--s ... PATH" begins a mapping
      inside = line.ends_with(path.string());
    } else if (inside && words >> kilobytes >> unit && unit == "kB") {
      sizes[name.substr(0, name.size() - 1)] += kilobytes * 1024;
    }
  }
  return sizes;
}

/// Reads a byte of each page.
std::int64_t touch(const Dataset& dataset) {
  volatile std::int64_t sum = 0;
  for (std::size_t i = 0; i < dataset.pixels.size(); i += 4096) sum = sum + dataset.pixels[i];
  return sum;
}

}  // namespace

TEST_CASE("opening a packed file touches no pixel, its hash for the comparison of ranks included") {
  const Packed packed;
  const Octets file = read_octets(packed.options.path);
  void* const copy =
      ::mmap(nullptr, file.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(copy != MAP_FAILED);
  std::memcpy(copy, file.data(), file.size());
  constexpr std::size_t kPixels = kImages * kImageBytes;
  const std::size_t index_bytes = file.size() - kPixels;
  REQUIRE(::mprotect(static_cast<std::byte*>(copy) + index_bytes, kPixels, PROT_NONE) == 0);
  const PackedFile opened =
      read_packed({static_cast<const std::byte*>(copy), file.size()}, "x.packed");
  CHECK(opened.dataset.size() == kImages);
  CHECK(opened.dataset.stored_hash.size() == 32);
  ::munmap(copy, file.size());
}

TEST_CASE("a rank touches its own images of a packed file and no others") {
  const Packed packed;
  const Dataset dataset = load_dataset(packed.options);
  constexpr std::int64_t kBatch = 4;
  constexpr std::uint64_t kSeed = 1;
  const Shard shard{1, 2};
  // Images begin at pages: all but the rank's own become unreadable, a touch ends the test.
  const std::vector<std::int64_t> order = epoch_order(kImages, kSeed, 0);
  const auto first = order.begin() + shard.rank * kBatch;
  for (auto image = order.begin(); image != order.end(); ++image) {
    if (image >= first && image < first + kBatch) continue;
    auto* const begin = const_cast<std::uint8_t*>(dataset.pixels.data()) + *image * kImageBytes;
    REQUIRE(::mprotect(begin, kImageBytes, PROT_NONE) == 0);
  }
  const Context context{Device{}};
  Loader loader(context, dataset, {kBatch, kSeed, false, 1, ImageMemory::automatic, shard});
  std::int64_t update = 0;
  std::vector<float> images(kBatch * kImageBytes);
  loader.select(context, update);
  loader.load(context, {0, TensorView(&update, {1})},
              TensorView(images.data(), {kBatch, 256, 256, 1}));
  CHECK(images.front() ==
        Approx(dataset.pixels[static_cast<std::size_t>(*first * kImageBytes)] / 127.5 - 1.0));
}

TEST_CASE("processes that map a packed file share its pages") {
  const Packed packed;
  int to_child[2], to_parent[2];
  REQUIRE(::pipe(to_child) == 0);
  REQUIRE(::pipe(to_parent) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  char byte = 0;
  if (child == 0) {
    const Dataset own = load_dataset(packed.options);
    touch(own);
    const bool told = ::write(to_parent[1], &byte, 1) == 1;
    const bool heard = ::read(to_child[0], &byte, 1) == 1;  // stays until the parent has looked
    ::_exit(told && heard ? 0 : 1);
  }
  REQUIRE(::read(to_parent[0], &byte, 1) == 1);
  const Dataset dataset = load_dataset(packed.options);
  touch(dataset);
  auto sizes = mapping_of(packed.options.path);
  REQUIRE(::write(to_child[1], &byte, 1) == 1);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  for (const int end : {to_child[0], to_child[1], to_parent[0], to_parent[1]}) ::close(end);
  if (sizes.empty()) {
    WARN("skipped: /proc/self/smaps does not tell of mappings");
    return;
  }
  const std::int64_t all = kImages * kImageBytes;
  CHECK(sizes["Rss"] >= all);
  CHECK(sizes["Shared_Clean"] + sizes["Shared_Dirty"] >= all);
  CHECK(sizes["Private_Clean"] + sizes["Private_Dirty"] == 0);
  CHECK(sizes["Pss"] <= sizes["Rss"] / 2 + 4096);
  CHECK(mapping_of(packed.options.path)["Pss"] >= all);  // alone again
}
