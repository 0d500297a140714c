// dcgan pack

#include <fmt/format.h>

#include <memory>

#include "apps/bus_errors.h"
#include "apps/commands.h"
#include "apps/data_path.h"
#include "apps/messages.h"
#include "apps/run_option_flags.h"
#include "models/data/packed/packed_file.h"
#include "models/run/run_config.h"
#include "runtime/base/mebibytes.h"
#include "runtime/io/descriptor.h"
#include "runtime/io/files.h"
#include "runtime/io/mapped_file.h"
#include "runtime/io/output_file.h"

namespace dcgan {
namespace {

struct PackArguments {
  explicit PackArguments(CLI::App& app)
      : flags(app, {"preset", "image-size", "channels", "dataset", "data", "classes", "on-corrupt",
                    "strict", "cache", "workers", "strokes-count", "seed"}) {
    app.add_option("--out", out, "packed file to write; an older one is replaced")
        ->type_name("FILE");
    app.add_option("--check", check, "compare every byte of this packed file with its checksums")
        ->type_name("FILE");
  }
  RunOptionFlags flags;
  std::string out;
  std::string check;
};

std::string size_text(const Dataset& dataset) {
  const Shape& shape = dataset.shape;
  return fmt::format("{} images {}x{}x{}", shape[0], shape[1], shape[2], shape[3]);
}

int check_file(const std::string& path) {
  const MappedFile mapping(path);
  explain_bus_errors(path, mapping.bytes());
  const PackedFile file = read_packed(mapping.bytes(), path);
  check_packed_pixels(file, path);
  fmt::print("{}: {}, {} classes, packed from {}; every checksum is right\n", path,
             size_text(file.dataset), file.classes, source_name(file.description, path));
  return 0;
}

int write_file(const PackArguments& arguments) {
  DatasetOptions options = run_config(arguments.flags.effective()).dataset;
  options.run_folder.clear();  // no run
  if (options.kind == DatasetKind::packed) {
    fail(ErrorKind::config, "--dataset packed: {} is packed already; copy it",
         options.path.string());
  }
  // Before hours of decoding.
  require_writable_folder(folder_of(arguments.out));
  require_output_file("--out", arguments.out, FileKind::packed);
  require_data(options);
  const Dataset dataset = load_dataset(options);
  print_dataset(dataset);
  write_packed(arguments.out, dataset, describe_source(options, dataset.skipped.size()));
  print_message("wrote {} ({}, {:.1f} MiB)", arguments.out, size_text(dataset),
                mebibytes(dataset.pixels.size()));
  return 0;
}

int pack(const PackArguments& arguments) {
  if (arguments.out.empty() == arguments.check.empty()) {
    fail(ErrorKind::usage, "pack: give --out FILE or --check FILE, one of them");
  }
  return arguments.check.empty() ? write_file(arguments) : check_file(arguments.check);
}

}  // namespace

Command add_pack(CLI::App& app) {
  const auto arguments = std::make_shared<PackArguments>(app);
  app.footer(
      "The preset, --image-size and --channels say how large the images become: those of the "
      "training.\n"
      "Ranks of one machine share one copy of a packed file in memory.\n"
      "\n"
      "Examples:\n"
      "  dcgan pack --dataset folder --data faces/ --out faces.packed\n"
      "  dcgan train --dataset packed --data faces.packed --flip --out runs/faces\n"
      "  dcgan pack --dataset mnist --data mnist/ --preset libtorch --out digits.packed\n"
      "  dcgan pack --check faces.packed");
  return [arguments] { return pack(*arguments); };
}

}  // namespace dcgan
