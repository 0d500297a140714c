// A checkpoint of format 1, written by dcgan 0.1 with
//   dcgan train --preset mnist32 --nz 2 --ngf 1 --ndf 1 --batch-size 2 --strokes-count 8 --flip
//     --ema-decay 0.5 --sample-count 1 --epochs 0 --device cpu --threads 1 --steps 2
// and both networks as the same program left them after --resume to step 5.

#include <cmath>
#include <sstream>

#include "models/checkpoint/checkpoint.h"
#include "models/checkpoint/manifest.h"
#include "models/networks/state_dict.h"
#include "tests/models/run/support.h"

using namespace dcgan;
namespace fs = std::filesystem;

namespace {

const fs::path kFolder = "tests/models/checkpoint/v1";
const fs::path kCheckpoint = kFolder / "step_00000002";

// Tests run at the root of the sources; a bundle for another machine has none.
bool has_sources() {
  if (fs::exists("tests/models")) return true;
  WARN("skipped: no sources here");
  return false;
}

RunOptions options_in(const fs::path& folder) {
  return test::options_in(folder, checkpoint_options(kCheckpoint));
}

double norm_of_difference(const HostTensor& a, const HostTensor& b) {
  double sum = 0;
  for (std::int64_t i = 0; i < a.shape().elements(); ++i) {
    sum += std::pow(double{a.view().as<float>()[i]} - double{b.view().as<float>()[i]}, 2);
  }
  return std::sqrt(sum);
}

}  // namespace

TEST_CASE("a checkpoint of format 1 is valid, and is saved again as the same bytes") {
  if (!has_sources()) return;
  REQUIRE(manifest_fault(kCheckpoint).value_or("") == "");
  test::TemporaryFolder folder;
  test::TinyRun tiny(options_in(folder.path()));
  TrainingEngine& engine = tiny.run.engine();
  const TrainingState state =
      load_checkpoint(tiny.context, kCheckpoint, engine.config().generator.kind, engine.generator(),
                      engine.discriminator());
  const std::string config = test::contents(kCheckpoint / "config.json");
  const std::string read = to_json(checkpoint_options(kCheckpoint));  // and options added since
  std::istringstream lines(config);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.back() == ',') line.pop_back();
    CHECK_THAT(read, Contains(line));
  }
  const fs::path saved = save_checkpoint(tiny.context, folder.path(),
                                         {engine.generator(),
                                          engine.discriminator(),
                                          engine.config().generator.kind,
                                          config,
                                          state,
                                          {}},
                                         /*keep=*/0);
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(kCheckpoint)) {
    const fs::path name = entry.path().filename();
    INFO(name.string());
    CHECK(test::contents(saved / name) == test::contents(entry.path()));
    ++files;
  }
  CHECK(files == 7);
}

TEST_CASE("a run of format 1 goes on as the program that began it did") {
  if (!has_sources()) return;
  test::TemporaryFolder folder;
  RunOptions options = options_in(folder.path());
  options.steps = 5;
  test::TinyRun tiny(options);
  tiny.run.resume(kCheckpoint);
  const fs::path saved = tiny.to_the_end().checkpoint;
  for (const char* network : {"generator", "discriminator"}) {
    const SafetensorsFile before(kCheckpoint / (std::string(network) + ".safetensors"));
    const SafetensorsFile expected(kFolder / (std::string(network) + "_5.safetensors"));
    const SafetensorsFile ours(saved / (std::string(network) + ".safetensors"));
    for (const SafetensorsEntry& entry : expected.entries()) {
      if (entry.dtype != "F32") continue;
      const HostTensor wanted = expected.read(entry.name);
      const double moved = norm_of_difference(wanted, before.read(entry.name));
      INFO(network << " " << entry.name);
      CHECK(moved > 0);
      // On the machine that wrote it the bytes are equal. Others may sum in another order, 1e-6 of
      // a gradient, and Adam divides by the gradient's size, whatever it is; a lost moment, step
      // count or draw number changes the three updates by tens of per cent.
      CHECK(norm_of_difference(ours.read(entry.name), wanted) < 1e-2 * moved);
    }
  }
}
