// A C++17 host: host PATH SEED OUT. A generator for each of two threads; each makes half of the
// images, and they are written as (N, H, W, C) bytes. A path that is none is a dcgan::Failure.
#include <dcgan/dcgan.hpp>
#include <fstream>
#include <iostream>
#include <thread>

namespace {

constexpr std::int64_t kCount = 6;

std::vector<std::uint8_t> images(const std::string& path, std::uint64_t seed) {
  auto options = dcgan::sized<dcgan_generator_options>();
  options.device = "cpu";
  options.threads = 1;
  const dcgan_generator_info info = dcgan::Generator::inspect(path, options);
  const std::int64_t bytes = info.height * info.width * info.channels;
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(kCount * bytes));
  const auto half = [&](std::int64_t first) {
    dcgan::Generator generator(path, options);
    generator.sample(seed, static_cast<std::uint64_t>(first),
                     dcgan::images_in(pixels.data() + first * bytes, kCount / 2, DCGAN_TYPE_UINT8));
  };
  std::thread other(half, kCount / 2);
  half(0);
  other.join();
  return pixels;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) return 2;
  const std::vector<std::uint8_t> pixels = images(argv[1], std::stoull(argv[2]));
  std::ofstream(argv[3], std::ios::binary)
      .write(reinterpret_cast<const char*>(pixels.data()),
             static_cast<std::streamsize>(pixels.size()));
  std::cout << dcgan::library_info().version << '\n';
} catch (const dcgan::Failure& failure) {
  std::cerr << dcgan_status_name(failure.status()) << ": " << failure.what() << '\n';
  return 1;
}
