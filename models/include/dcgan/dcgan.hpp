// dcgan.h for C++17: a generator that closes itself, and a failure as an exception. Header only:
// nothing of it crosses the library's boundary, so that compilers and standard libraries may
// differ.
#ifndef DCGAN_DCGAN_HPP
#define DCGAN_DCGAN_HPP

#include <dcgan/dcgan.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace dcgan {
inline namespace embed {  // names of its own in a program that is linked with libdcgan.a

class Failure : public std::runtime_error {
 public:
  explicit Failure(dcgan_status status) : std::runtime_error(dcgan_last_error()), status_(status) {}
  dcgan_status status() const noexcept { return status_; }

 private:
  dcgan_status status_;
};

inline void check(dcgan_status status) {
  if (status != DCGAN_OK) throw Failure(status);
}

/// A struct of dcgan.h with its size set and the rest zero.
template <class Struct>
Struct sized() {
  Struct result{};
  result.struct_size = sizeof result;
  return result;
}

inline dcgan_library_info library_info() {
  auto info = sized<dcgan_library_info>();
  check(dcgan_library_query(&info));
  return info;
}

/// dcgan_images over a dense array, (count, H, W, C) or in the layout that is set afterwards.
inline dcgan_images images_in(void* data, std::int64_t count, dcgan_type type,
                              dcgan_memory memory = DCGAN_MEMORY_HOST) {
  auto images = sized<dcgan_images>();
  images.data = data;
  images.count = count;
  images.type = type;
  images.memory = memory;
  return images;
}

/// A function that is called beside Generator's is declared in dcgan.h; get() is its handle.
class Generator {
 public:
  using Options = dcgan_generator_options;

  explicit Generator(const std::string& path, const Options& options = sized<Options>()) {
    dcgan_generator* opened = nullptr;
    check(dcgan_generator_open(path.c_str(), &options, &opened));
    handle_.reset(opened);
  }
  /// What it would be, before anything is allocated.
  static dcgan_generator_info inspect(const std::string& path,
                                      const Options& options = sized<Options>()) {
    auto info = sized<dcgan_generator_info>();
    check(dcgan_generator_inspect(path.c_str(), &options, &info));
    return info;
  }

  dcgan_generator* get() const noexcept { return handle_.get(); }
  dcgan_generator_info info() const {
    auto info = sized<dcgan_generator_info>();
    check(dcgan_generator_query(get(), &info));
    return info;
  }

  /// Into the caller's memory; see dcgan_generator_sample() and dcgan_generator_generate().
  void sample(std::uint64_t seed, std::uint64_t first, const dcgan_images& to,
              void* stream = nullptr) {
    check(dcgan_generator_sample(get(), seed, first, &to, stream));
  }
  void generate(const float* latents, dcgan_memory memory, const dcgan_images& to,
                void* stream = nullptr) {
    check(dcgan_generator_generate(get(), latents, memory, &to, stream));
  }

  /// (count, H, W, C) bytes on the host.
  std::vector<std::uint8_t> sample(std::uint64_t seed, std::int64_t count) {
    const dcgan_generator_info i = info();
    std::vector<std::uint8_t> pixels(
        static_cast<std::size_t>(count * i.height * i.width * i.channels));
    sample(seed, 0, images_in(pixels.data(), count, DCGAN_TYPE_UINT8));
    return pixels;
  }
  /// (count, latent_size) on the host.
  std::vector<float> draw(std::uint64_t seed, std::int64_t count) {
    std::vector<float> latents(static_cast<std::size_t>(count * info().latent_size));
    check(dcgan_generator_draw(get(), seed, 0, count, latents.data(), DCGAN_MEMORY_HOST, nullptr));
    return latents;
  }

 private:
  struct Close {
    void operator()(dcgan_generator* generator) const noexcept {
      dcgan_generator_close(&generator);
    }
  };
  std::unique_ptr<dcgan_generator, Close> handle_;
};

}  // namespace embed
}  // namespace dcgan

#endif
