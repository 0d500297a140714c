// dcgan sample

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "apps/commands.h"
#include "apps/device_choice.h"
#include "apps/generator_arguments.h"
#include "apps/messages.h"
#include "models/generation/grid.h"
#include "models/generation/latent_vectors.h"
#include "runtime/device/open_device.h"
#include "runtime/io/image/image.h"
#include "runtime/io/npy.h"
#include "runtime/io/output_file.h"

namespace dcgan {
namespace {

struct SampleArguments {
  explicit SampleArguments(CLI::App& app) : generator(app) {
    app.add_option("--n", count, "images to generate")
        ->type_name("N")
        ->capture_default_str()
        ->check(CLI::Range(1, 1'000'000));
    app.add_option("--seed", seed,
                   "seed of the latent vectors; the same seed gives the same images")
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--out", out,
                   "NAME.png: one grid, or the image itself with --n 1; NAME.npy: array (n, H, W, "
                   "C) of uint8; FOLDER/: one PNG per "
                   "image")
        ->type_name("PATH")
        ->capture_default_str();
    app.add_option("--columns", columns, "images per row of the grid")
        ->type_name("N")
        ->default_str("about square")
        ->check(CLI::Range(0, 10000));
    add_device_options(app, device, threads);
  }
  GeneratorArguments generator;
  std::int64_t count = 64;
  std::int64_t seed = 0;
  std::string out = "samples.png";
  int columns = 0;
  std::string device = "auto";
  std::int64_t threads = 0;
};

Image image_of(const HostTensor& images, std::int64_t index) {
  const Shape& shape = images.shape();
  const ConstTensorView row = images.view().rows(index, 1);
  Image image{
      static_cast<int>(shape[2]), static_cast<int>(shape[1]), static_cast<int>(shape[3]), {}};
  image.pixels.assign(row.as<std::uint8_t>(), row.as<std::uint8_t>() + row.elements());
  return image;
}

void require_known_ending(const std::string& out) {
  const std::string extension = std::filesystem::path(out).extension().string();
  if (out.ends_with("/") || extension == ".png" || extension == ".npy") return;
  fail(ErrorKind::usage, "--out {}: ends in neither .png, .npy nor /", out);
}

void write_images(const HostTensor& images, const SampleArguments& arguments) {
  const std::filesystem::path out = arguments.out;
  if (arguments.out.ends_with("/")) {
    std::filesystem::create_directories(out);
    for (std::int64_t i = 0; i < images.shape()[0]; ++i) {
      write_png(out / fmt::format("{:06}.png", i), image_of(images, i));
    }
  } else if (out.extension() == ".npy") {
    write_npy(out, images.view());
  } else {
    const bool single = images.shape()[0] == 1;  // one image has no frame
    write_png(out, single ? image_of(images, 0) : make_grid(images.view(), arguments.columns));
  }
}

void require_writable(const std::string& out) {
  require_known_ending(out);
  if (out.ends_with("/")) {
    require_output_folder("--out", std::filesystem::path(out).parent_path());
  } else {
    require_output_file("--out", out, out.ends_with(".npy") ? FileKind::npy : FileKind::png);
  }
}

int sample(const SampleArguments& arguments) {
  require_writable(arguments.out);
  const DeviceRequest device = parse_device_request(arguments.device, "device");
  const SavedGenerator saved = arguments.generator.find();
  apply_threads(arguments.threads);
  const Context context = open_device(device, print_device_notice);
  constexpr std::int64_t kBatch = 64;
  Generator generator =
      load_generator(context, saved, std::min(arguments.count, kBatch), print_warning);
  const HostTensor z = latent_for_seed(sample_key(arguments.seed), arguments.count, generator.nz(),
                                       saved.model.latent);
  write_images(generator.sample(context, z), arguments);
  print_message("wrote {} ({} images)", arguments.out, arguments.count);
  return 0;
}

}  // namespace

Command add_sample(CLI::App& app) {
  const auto arguments = std::make_shared<SampleArguments>(app);
  app.footer(
      "Examples:\n"
      "  dcgan sample --checkpoint out --n 64 --seed 7 --out grid.png\n"
      "  dcgan sample --checkpoint out/checkpoints/step_00001000 --n 1000 --out faces/\n"
      "  dcgan sample --generator netG.safetensors --preset pytorch --out grid.png");
  return [arguments] { return sample(*arguments); };
}

}  // namespace dcgan
