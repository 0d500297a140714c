// The C library's generator: the program's images, in every type and layout, on every device.
#include <filesystem>
#include <thread>

#include "runtime/base/parallel.h"
#include "tests/models/api/support.h"

using namespace dcgan;
using namespace dcgan::test;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes sampled(dcgan_generator* generator, std::int64_t count, std::uint64_t first = 0) {
  Bytes pixels(static_cast<std::size_t>(count * kTinyPixels));
  const dcgan_images to = images_in(pixels.data(), count, DCGAN_TYPE_UINT8);
  require_ok(dcgan_generator_sample(generator, kTinySeed, first, &to, nullptr));
  return pixels;
}

struct Pool {
  std::size_t bytes = 0;
  int blocks = 0;
  int refused_after = -1;  // blocks
};

void* take(void* user, std::size_t bytes, std::size_t alignment) {
  auto* pool = static_cast<Pool*>(user);
  if (pool->blocks == pool->refused_after) return nullptr;
  pool->bytes += bytes;
  ++pool->blocks;
  return std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

void give_back(void* user, void* data, std::size_t) {
  --static_cast<Pool*>(user)->blocks;
  std::free(data);
}

std::size_t tasks() {
  std::size_t count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    count += task.is_directory() ? 1 : 0;
  }
  return count;
}

}  // namespace

TEST_CASE("a seed's images are those of the program, whatever the batch and the first of them") {
  const TinyFile file;
  for (const Device device : devices_under_test()) {
    const Context context(device);
    const Bytes expected = expected_images(file, context, 9);
    for (const std::int64_t batch : {1, 4, 16}) {
      INFO(to_string(device) << " batch " << batch);
      const Opened generator(file.path(), options_on(to_string(device).c_str(), batch));
      CHECK(sampled(generator, 9) == expected);
      CHECK(sampled(generator, 9) == expected);
      CHECK(sampled(generator, 5, 4) == Bytes(expected.begin() + 4 * kTinyPixels, expected.end()));
    }
  }
}

TEST_CASE("drawn vectors give back the seed's images, and one vector its own") {
  const TinyFile file;
  for (const Device device : devices_under_test()) {
    INFO(to_string(device));
    const Opened generator(file.path(), options_on(to_string(device).c_str()));
    const Bytes expected = sampled(generator, 9);
    std::vector<float> z(static_cast<std::size_t>(9 * kTinyModel.nz));
    require_ok(
        dcgan_generator_draw(generator, kTinySeed, 0, 9, z.data(), DCGAN_MEMORY_HOST, nullptr));
    const HostTensor wanted = latent_for_seed({kTinySeed, RandomStream::sample}, 9, kTinyModel.nz);
    CHECK(std::equal(z.begin(), z.end(), wanted.view().as<float>()));
    Bytes pixels(expected.size());
    dcgan_images to = images_in(pixels.data(), 9, DCGAN_TYPE_UINT8);
    require_ok(dcgan_generator_generate(generator, z.data(), DCGAN_MEMORY_HOST, &to, nullptr));
    CHECK(pixels == expected);
    to.count = 1;
    require_ok(dcgan_generator_generate(generator, z.data() + 8 * kTinyModel.nz, DCGAN_MEMORY_HOST,
                                        &to, nullptr));
    CHECK(std::equal(pixels.begin(), pixels.begin() + kTinyPixels,
                     expected.begin() + 8 * kTinyPixels));
  }
}

TEST_CASE("every type holds the same images, and strides put them where they say") {
  const TinyFile file;
  const std::int64_t size = kTinyModel.image_size;
  for (const Device device : devices_under_test()) {
    INFO(to_string(device));
    const Opened generator(file.path(), options_on(to_string(device).c_str()));
    std::vector<float> values(static_cast<std::size_t>(6 * kTinyPixels));
    dcgan_images to = images_in(values.data(), 6, DCGAN_TYPE_FLOAT32);
    to.layout = DCGAN_LAYOUT_NCHW;
    require_ok(dcgan_generator_sample(generator, kTinySeed, 0, &to, nullptr));
    const HostTensor x = HostTensor::from(values, {6, size, size, 1});
    const std::pair<dcgan_type, ImageType> kTypes[] = {{DCGAN_TYPE_FLOAT32, ImageType::f32},
                                                       {DCGAN_TYPE_BFLOAT16, ImageType::bf16},
                                                       {DCGAN_TYPE_FLOAT16, ImageType::f16},
                                                       {DCGAN_TYPE_UINT8, ImageType::u8}};
    for (const auto& [type, image_type] : kTypes) {
      INFO(name_of(image_type));
      // Upside down, every second column, a gap behind each line and each image.
      const std::int64_t line = 2 * size + 3, image = line * size + 5;
      std::vector<float> found(static_cast<std::size_t>(6 * image), 9.0f), expected = found;
      const std::int64_t strides[4] = {image, 1, -line, 2};  // N, C, H, W
      const auto first = [&](std::vector<float>& memory) {
        auto* bytes = reinterpret_cast<std::byte*>(memory.data());
        return static_cast<void*>(bytes + (size - 1) * line *
                                              static_cast<std::int64_t>(size_of(image_type)));
      };
      to = images_in(first(found), 6, type);
      to.layout = DCGAN_LAYOUT_NCHW;
      std::copy_n(strides, 4, to.strides);
      require_ok(dcgan_generator_sample(generator, kTinySeed, 0, &to, nullptr));
      store_images(Context(Device{}), x.view(),
                   {first(expected), x.shape(), {image, -line, 2, 1}, image_type});
      CHECK(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)) == 0);
    }
  }
}

TEST_CASE("what a generator takes is known before, comes from the caller's pool and goes back") {
  const TinyFile file;
  Pool pool;
  dcgan_memory_resource memory{sizeof memory, &pool, take, give_back};
  dcgan_generator_options options = options_on("cpu");
  options.memory = &memory;
  auto info = sized<dcgan_generator_info>();
  require_ok(dcgan_generator_inspect(file.path(), &options, &info));
  CHECK(pool.bytes == 0);
  CHECK(info.latent_size == kTinyModel.nz);
  CHECK(info.height == 32);
  CHECK(info.width == 32);
  CHECK(info.channels == 1);
  CHECK(info.batch == 4);
  CHECK(info.precision == DCGAN_PRECISION_FP32);
  CHECK(info.parameters == parameter_count(generator_blocks(kTinyModel)));
  int blocks = 0;
  {
    const Opened generator(file.path(), options);
    CHECK(pool.bytes == info.memory_bytes);
    auto opened = sized<dcgan_generator_info>();
    require_ok(dcgan_generator_query(generator, &opened));
    CHECK(std::memcmp(&opened, &info, sizeof info) == 0);
    sampled(generator, 9);
    CHECK(pool.bytes == info.memory_bytes);
    blocks = pool.blocks;
    CHECK(blocks > 0);
  }
  CHECK(pool.blocks == 0);
  for (pool.refused_after = 0; pool.refused_after < blocks; ++pool.refused_after) {
    dcgan_generator* generator = nullptr;
    CHECK(dcgan_generator_open(file.path(), &options, &generator) == DCGAN_ERROR_UNAVAILABLE);
    CHECK_THAT(dcgan_last_error(), Contains("caller's resource"));
    CHECK(generator == nullptr);
    CHECK(pool.blocks == 0);
  }
}

TEST_CASE("engines of several threads make their images at once") {
  const TinyFile file;
  const Bytes expected = expected_images(file, Context(Device{}), 6);
  std::vector<Bytes> found(3, Bytes(expected.size()));
  std::vector<dcgan_status> statuses(3, DCGAN_ERROR_INTERNAL);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < found.size(); ++i) {
    threads.emplace_back([&, i] {
      dcgan_generator_options options = options_on("cpu");
      options.threads = 1;
      dcgan_generator* generator = nullptr;
      statuses[i] = dcgan_generator_open(file.path(), &options, &generator);
      const dcgan_images to = images_in(found[i].data(), 6, DCGAN_TYPE_UINT8);
      for (int repeat = 0; repeat < 3 && statuses[i] == DCGAN_OK; ++repeat) {
        statuses[i] = dcgan_generator_sample(generator, kTinySeed, 0, &to, nullptr);
      }
      dcgan_generator_close(&generator);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < found.size(); ++i) {
    CHECK(statuses[i] == DCGAN_OK);
    CHECK(found[i] == expected);
  }
}

TEST_CASE("a closed generator leaves no thread and the caller's number of threads") {
  const TinyFile file;
  std::thread host([&] {  // whose OpenMP has run nothing yet
    const std::size_t before = tasks();
    set_thread_count(2);
    const int threads = thread_count();  // 1 in a build without OpenMP
    dcgan_generator_options options = options_on("cpu");
    options.threads = 3;
    dcgan_generator* generator = nullptr;
    const dcgan_status opened = dcgan_generator_open(file.path(), &options, &generator);
    CHECK(opened == DCGAN_OK);
    if (opened != DCGAN_OK) return;
    sampled(generator, 9);
    CHECK(thread_count() == threads);
    if (threads == 2) CHECK(tasks() == before + 2);
    CHECK(dcgan_generator_close(&generator) == DCGAN_OK);
    CHECK(tasks() == before);
  });
  host.join();
}
