// dcgan interpolate

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "apps/commands.h"
#include "apps/device_choice.h"
#include "apps/generator_arguments.h"
#include "apps/messages.h"
#include "models/generation/grid.h"
#include "models/generation/interpolation.h"
#include "models/generation/latent_vectors.h"
#include "runtime/device/open_device.h"
#include "runtime/io/image/image.h"
#include "runtime/io/output_file.h"

namespace dcgan {
namespace {

struct InterpolateArguments {
  explicit InterpolateArguments(CLI::App& app) : generator(app) {
    app.add_option("--points", points, "latent vectors to interpolate between, as a closed curve")
        ->type_name("N")
        ->capture_default_str()
        ->check(CLI::Range(2, 1000));
    app.add_option("--frames", frames, "frames from one latent vector to the next")
        ->type_name("N")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    app.add_option("--walks", interpolations, "interpolations side by side")
        ->type_name("N")
        ->capture_default_str()
        ->check(CLI::Range(1, 64));
    app.add_option("--delay-ms", delay_ms, "duration of a frame in milliseconds")
        ->type_name("N")
        ->capture_default_str()
        ->check(CLI::Range(1, 60000));
    app.add_option("--seed", seed, "seed of the latent vectors")
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--out", out, "animated PNG to write")->type_name("PATH")->capture_default_str();
    add_device_options(app, device, threads);
  }
  GeneratorArguments generator;
  std::int64_t points = 4;
  std::int64_t frames = 16;
  std::int64_t interpolations = 16;
  int delay_ms = 60;
  std::int64_t seed = 0;
  std::string out = "walk.png";
  std::string device = "auto";
  std::int64_t threads = 0;
};

// Rows [first, first + count) of a table of latent vectors.
HostTensor rows_of(const HostTensor& table, std::int64_t first, std::int64_t count) {
  HostTensor rows({count, table.shape()[1]}, DType::f32);
  copy(Context(Device{}), table.view().rows(first, count), rows.view());
  return rows;
}

// One (points * frames, nz) table for each interpolation.
std::vector<HostTensor> latent_paths(const InterpolateArguments& arguments,
                                     const HostTensor& points) {
  std::vector<HostTensor> paths;
  for (std::int64_t i = 0; i < arguments.interpolations; ++i) {
    paths.push_back(spherical_interpolation(rows_of(points, i * arguments.points, arguments.points),
                                            arguments.frames));
  }
  return paths;
}

int interpolate(const InterpolateArguments& arguments) {
  if (!arguments.out.ends_with(".png")) {
    fail(ErrorKind::usage, "--out {}: does not end in .png", arguments.out);
  }
  require_output_file("--out", arguments.out, FileKind::png);
  const DeviceRequest device = parse_device_request(arguments.device, "device");
  const SavedGenerator saved = arguments.generator.find();
  apply_threads(arguments.threads);
  const Context context = open_device(device, print_device_notice);
  Generator generator = load_generator(context, saved, arguments.interpolations, print_warning);
  const HostTensor points =
      latent_for_seed(sample_key(arguments.seed), arguments.interpolations * arguments.points,
                      generator.nz(), saved.model.latent);
  const std::vector<HostTensor> paths = latent_paths(arguments, points);
  std::vector<Image> pictures;
  HostTensor z({arguments.interpolations, generator.nz()}, DType::f32);
  for (std::int64_t frame = 0; frame < arguments.points * arguments.frames; ++frame) {
    for (std::int64_t i = 0; i < arguments.interpolations; ++i) {
      copy(Context(Device{}), paths[static_cast<std::size_t>(i)].view().rows(frame, 1),
           z.view().rows(i, 1));
    }
    pictures.push_back(make_grid(generator.sample(context, z).view()));
  }
  write_animated_png(arguments.out, pictures, arguments.delay_ms);
  print_message("wrote {} ({} frames, {} interpolations)", arguments.out, pictures.size(),
                arguments.interpolations);
  return 0;
}

}  // namespace

Command add_interpolate(CLI::App& app) {
  const auto arguments = std::make_shared<InterpolateArguments>(app);
  app.footer(
      "Example:\n"
      "  dcgan interpolate --checkpoint out --points 6 --frames 24 --out walk.png");
  return [arguments] { return interpolate(*arguments); };
}

}  // namespace dcgan
