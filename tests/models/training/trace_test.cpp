// The step against real PyTorch: every recorded trace, through the plain API.

#include "models/training/trace.h"

#include "tests/models/support.h"
#include "tests/support/shared_data.h"

using namespace dcgan;

namespace {

struct TraceCase {
  const char* file;
  const char* prefix;
  std::vector<std::pair<const char*, const char*>> options;
};

const std::vector<TraceCase>& trace_cases() {
  static const std::vector<TraceCase> kCases = {
      {"dc64_f32", "", {{"image-size", "64"}, {"channels", "3"}}},
      {"dc32_f32", "", {{"image-size", "32"}, {"channels", "1"}}},
      {"dc28_f32", "", {{"preset", "libtorch"}}},
      {"dc28_libtorch_f32", "", {{"preset", "libtorch"}, {"beta2", "0.5"}}},
      {"dc32_variants_f32", "minimax.",
       {{"image-size", "32"}, {"channels", "1"}, {"loss", "minimax"}}},
      {"dc32_variants_f32", "lsgan.", {{"image-size", "32"}, {"channels", "1"}, {"loss", "lsgan"}}},
      {"dc32_variants_f32", "hinge.", {{"image-size", "32"}, {"channels", "1"}, {"loss", "hinge"}}},
      {"dc32_variants_f32", "wgan_adam.",
       {{"image-size", "32"}, {"channels", "1"}, {"loss", "wgan"}, {"weight-clip", "0.01"}}},
      {"dc32_variants_f32", "wgan_rmsprop.",
       {{"image-size", "32"}, {"channels", "1"}, {"loss", "wgan"}, {"weight-clip", "0.01"},
        {"optimizer", "rmsprop"}, {"lr", "5e-5"}, {"d-steps", "5"}}},
  };
  return kCases;
}

RunOptions options_for(const TraceCase& trace) {
  RunOptions options;
  options.nz = 16;
  options.ngf = 8;
  options.ndf = 8;
  for (const auto& [name, text] : trace.options) set_option(options, name, text);
  require_valid(options);
  return options;
}

}  // namespace

TEST_CASE("every PyTorch trace replays within the bounds, on every device", "[trace]") {
  DCGAN_SHARED_OR_SKIP(parity, "parity");
  for (const Device device : test::devices()) {
    const Context context(device);
    for (const TraceCase& trace : trace_cases()) {
      const SafetensorsFile file(parity / (std::string(trace.file) + ".safetensors"));
      const TraceReport report = replay_trace(context, file, options_for(trace), trace.prefix);
      INFO(to_string(device) << " " << trace.file << " " << trace.prefix);
      CHECK(report.steps == 5);
      CHECK(report.comparisons.size() >= 33);
      for (const TraceComparison& comparison : report.comparisons) {
        INFO(comparison.name << " max_abs " << comparison.max_abs << " relative "
                             << comparison.relative_l2);
        CHECK(comparison.passed);
      }
      const bool variants = trace.prefix[0] != '\0';  // others' tensors stand in the same file
      CHECK(report.unknown.empty() == !variants);
    }
  }
}

TEST_CASE("a replay with another learning rate fails, and says where", "[trace]") {
  DCGAN_SHARED_OR_SKIP(path, "parity/dc28_f32.safetensors");
  const Context context(Device{});
  RunOptions options = options_for(trace_cases()[2]);
  options.lr = 3e-4;
  const TraceReport report = replay_trace(context, SafetensorsFile(path), options, "");
  CHECK_FALSE(report.passed());
  for (const TraceComparison& comparison : report.comparisons) {
    // Gradients of the first step do not know the learning rate; weights do.
    if (comparison.name.starts_with("grad1.D")) CHECK(comparison.passed);
    if (comparison.name == "step1.D.2.weight") CHECK_FALSE(comparison.passed);
  }
}

TEST_CASE("a trace that does not fit the options is refused with both shapes", "[trace]") {
  DCGAN_SHARED_OR_SKIP(path, "parity/dc28_f32.safetensors");
  const Context context(Device{});
  const SafetensorsFile file(path);
  RunOptions options = options_for(trace_cases()[0]);
  CHECK_THROWS_WITH(replay_trace(context, file, options, ""), Contains("28") && Contains("64"));
  options = options_for(trace_cases()[2]);
  options.ngf = 16;
  CHECK_THROWS_WITH(replay_trace(context, file, options, ""),
                    Contains("conv1.weight") && Contains("[16, 64, 4, 4]"));
  options = options_for(trace_cases()[2]);
  options.d_steps = 2;
  CHECK_THROWS_WITH(replay_trace(context, file, options, ""), Contains("10 batches"));
}
