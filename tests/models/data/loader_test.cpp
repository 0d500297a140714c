// Which images an update sees: a function of the seed, the update's number and the rank alone.
#include "models/data/loader.h"

#include "kernels/input/image_batch.h"
#include "models/data/packed/packed_file.h"
#include "models/data/shuffle.h"
#include "runtime/io/mapped_file.h"
#include "tests/support/catch.h"
#include "tests/support/devices.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;

namespace {

constexpr std::int64_t kImages = 11;
constexpr std::uint64_t kSeed = 5;

/// Every image is one row of two pixels whose bytes say which image, and which side, it is.
Dataset numbered_images() {
  Dataset dataset;
  dataset.name = "numbered";
  dataset.shape = {kImages, 1, 2, 1};
  std::vector<std::uint8_t> pixels;
  for (std::int64_t i = 0; i < kImages; ++i) {
    pixels.push_back(static_cast<std::uint8_t>(2 * i));
    pixels.push_back(static_cast<std::uint8_t>(2 * i + 1));
  }
  dataset.pixels = std::move(pixels);
  return dataset;
}

/// By the definition: the order of the update's epoch, cut into batches of all ranks.
std::vector<std::uint8_t> expected_bytes(const LoaderOptions& options, std::int64_t update) {
  const std::int64_t all = options.batch * options.shard.world_size;
  const std::int64_t batches = kImages / all;
  const std::int64_t epoch = update / batches;
  const std::int64_t first = update % batches * all + options.shard.rank * options.batch;
  const auto order = epoch_order(kImages, kSeed, epoch);
  const auto flips = epoch_flips(kImages, kSeed, epoch);
  std::vector<std::uint8_t> bytes;
  for (std::int64_t n = 0; n < options.batch; ++n) {
    const std::int64_t image = order[static_cast<std::size_t>(first + n)];
    const bool flip = options.flip && flips[static_cast<std::size_t>(image)] != 0;
    bytes.push_back(static_cast<std::uint8_t>(2 * image + (flip ? 1 : 0)));
    bytes.push_back(static_cast<std::uint8_t>(2 * image + (flip ? 0 : 1)));
  }
  return bytes;
}

/// A loader and the device's count of updates, as an engine has it.
struct Loaded {
  Loaded(const Context& on, const Dataset& dataset, const LoaderOptions& with)
      : context(on),
        options(with),
        loader(on, dataset, with),
        number(on, sizeof(std::int64_t)),
        values(on, static_cast<std::size_t>(2 * with.batch) * sizeof(float)),
        bytes(on, static_cast<std::size_t>(2 * with.batch)) {}

  std::vector<std::uint8_t> load(std::int64_t index, std::int64_t update) {
    const TensorView counted(number.data(), {1}, DType::i64);
    upload(context, ConstTensorView(&update, {1}), counted);
    const Shape shape{options.batch, 1, 2, 1};
    const TensorView images(values.data(), shape, DType::f32);
    loader.load(context, {index, counted}, images);
    images_to_uint8(context, images, {bytes.data(), shape, DType::u8});
    std::vector<std::uint8_t> host(bytes.bytes());
    download(context, {bytes.data(), shape, DType::u8}, TensorView(host.data(), shape));
    return host;
  }
  const Context& context;
  LoaderOptions options;
  Loader loader;
  Buffer number, values, bytes;
};

}  // namespace

TEST_CASE("an update sees the images that the seed and its number say, from any start") {
  const Dataset dataset = numbered_images();
  for (const Device device : test::devices_under_test()) {
    const Context context(device);
    for (const ImageMemory memory : {ImageMemory::device, ImageMemory::host}) {
      for (const bool flip : {false, true}) {
        // 5 batches of an epoch, 2 and 1; steps that end within an epoch and that span several.
        for (const std::int64_t batch : {2, 5, 8}) {
          for (const std::int64_t updates : {1, 2, 3, 5}) {
            Loaded on(context, dataset, {batch, kSeed, flip, updates, memory, {}});
            std::int64_t first = 0;
            for (const std::int64_t start : {std::int64_t{0}, std::int64_t{17}, std::int64_t{4}}) {
              first = start;  // as a resumed run
              for (int step = 0; step < 7; ++step, first += updates) {
                on.loader.select(context, first);
                for (std::int64_t index = 0; index < updates; ++index) {
                  INFO(to_string(device) << " batch " << batch << " update " << first + index
                                         << " of " << updates << " a step");
                  REQUIRE(on.load(index, first + index) ==
                          expected_bytes(on.options, first + index));
                }
                on.loader.prefetch(first + updates);
              }
            }
          }
        }
      }
    }
  }
}

TEST_CASE("images of a mapped file are loaded as those in memory") {
  const test::TemporaryFolder folder;
  write_packed(folder / "x.packed", numbered_images(), R"({"dataset":"numbered"})");
  const auto mapping = std::make_shared<const MappedFile>(folder / "x.packed");
  const Dataset dataset = read_packed(mapping->bytes(), "x.packed", mapping).dataset;
  // They are those of the file.
  REQUIRE(dataset.pixels.data() ==
          reinterpret_cast<const std::uint8_t*>(mapping->bytes().data()) + 4096);
  for (const Device device : test::devices_under_test()) {
    const Context context(device);
    for (const ImageMemory memory : {ImageMemory::device, ImageMemory::host}) {
      Loaded on(context, dataset, {2, kSeed, true, 1, memory, {1, 2}});
      for (std::int64_t update = 0; update < 7; ++update) {
        INFO(to_string(device) << " update " << update);
        on.loader.select(context, update);
        CHECK(on.load(0, update) == expected_bytes(on.options, update));
        on.loader.prefetch(update + 1);
      }
    }
  }
}

TEST_CASE("ranks see the parts of one batch") {
  const Dataset dataset = numbered_images();
  for (const Device device : test::devices_under_test()) {
    const Context context(device);
    for (const int rank : {0, 1, 2}) {
      Loaded on(context, dataset, {1, kSeed, true, 1, ImageMemory::device, {rank, 3}});
      for (std::int64_t update = 0; update < 7; ++update) {
        INFO(to_string(device) << " rank " << rank << " update " << update);
        on.loader.select(context, update);
        CHECK(on.load(0, update) == expected_bytes(on.options, update));
      }
    }
  }
}
