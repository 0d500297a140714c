// What the tests of the C library share: a tiny generator on disk, and calls that must succeed.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "dcgan/dcgan.h"
#include "models/generation/latent_vectors.h"
#include "models/generation/saved_generator.h"
#include "models/networks/state_dict.h"
#include "tests/models/generation/support.h"

namespace dcgan::test {

inline void require_ok(dcgan_status status) {
  INFO(dcgan_last_error());
  REQUIRE(status == DCGAN_OK);
}

template <class Struct>
Struct sized() {
  Struct result{};
  result.struct_size = sizeof result;
  return result;
}

inline dcgan_generator_options options_on(const char* device, std::int64_t batch = 4) {
  auto options = sized<dcgan_generator_options>();
  options.device = device;
  options.batch = batch;
  return options;
}

inline dcgan_images images_in(void* data, std::int64_t count, dcgan_type type,
                              dcgan_memory memory = DCGAN_MEMORY_HOST) {
  auto images = sized<dcgan_images>();
  images.data = data;
  images.count = count;
  images.type = type;
  images.memory = memory;
  return images;
}

/// A generator of kTinyModel as a bare file of weights.
class TinyFile {
 public:
  TinyFile() : path_(folder_.path() / "generator.safetensors") {
    const Context host(Device{});
    Network network(host, generator_blocks(kTinyModel));
    prepare(host, network);
    const std::vector<NamedTensor> tensors = state_dict(host, network);
    write_safetensors(path_, as_items(tensors));
    text_ = path_.string();
  }
  const char* path() const { return text_.c_str(); }

 private:
  TemporaryFolder folder_;
  std::filesystem::path path_;
  std::string text_;
};

/// Closed at the end of the scope.
class Opened {
 public:
  Opened(const char* path, const dcgan_generator_options& options) {
    require_ok(dcgan_generator_open(path, &options, &handle_));
  }
  ~Opened() { dcgan_generator_close(&handle_); }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  operator dcgan_generator*() const { return handle_; }  // NOLINT(google-explicit-constructor)

 private:
  dcgan_generator* handle_ = nullptr;
};

constexpr std::int64_t kTinyPixels = kTinyModel.image_size * kTinyModel.image_size;  // one channel
inline constexpr std::uint64_t kTinySeed = 7;

/// (count, 32, 32, 1) bytes of kTinySeed as the program makes them, on that device.
inline std::vector<std::uint8_t> expected_images(const TinyFile& file, const Context& context,
                                                 std::int64_t count, std::int64_t first = 0) {
  Generator generator =
      load_generator(context, find_generator_file(file.path()), GeneratorOptions{3});
  const HostTensor z =
      latent_for_seed({kTinySeed, RandomStream::sample}, first + count, kTinyModel.nz);
  const HostTensor images = generator.sample(context, z);
  const auto* bytes = images.view().as<std::uint8_t>();
  return {bytes + first * kTinyPixels, bytes + (first + count) * kTinyPixels};
}

}  // namespace dcgan::test
