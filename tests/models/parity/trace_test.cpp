// The step against real PyTorch: every recorded trace, through the plain API.

#include "models/parity/trace.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <sstream>

#include "kernels/vendor/library_versions.h"
#include "models/run/run_config.h"
#include "tests/models/parity/trace_list.h"
#include "tests/models/support.h"
#include "tests/support/shared_data.h"

using namespace dcgan;

namespace {

struct TraceCase {
  std::string name;
  std::string file;
  std::string prefix;
  std::vector<std::pair<std::string, std::string>> options;
};

// Those of scripts/traces.txt.
std::vector<TraceCase> read_trace_cases() {
  std::vector<TraceCase> cases;
  std::istringstream list{std::string(kTraceList)};
  for (std::string line; std::getline(list, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream words(line);
    TraceCase& trace = cases.emplace_back();
    words >> trace.name >> trace.file;
    for (std::string option, value; words >> option >> value;) {
      const std::string name = option.substr(2);  // without "--"
      if (name == "trace-prefix") {
        trace.prefix = value;
      } else {
        trace.options.emplace_back(name, value);
      }
    }
  }
  return cases;
}

const std::vector<TraceCase>& trace_cases() {
  static const std::vector<TraceCase> kCases = read_trace_cases();
  return kCases;
}

const TraceCase& trace_case(std::string_view name) {
  const std::vector<TraceCase>& cases = trace_cases();
  const auto found = std::find_if(cases.begin(), cases.end(),
                                  [&](const TraceCase& trace) { return trace.name == name; });
  REQUIRE(found != cases.end());
  return *found;
}

// The precisions that a device computes in. On the CPU bf16 needs its instructions.
std::vector<Precision> precisions_of(Device device) {
  if (device.type == DeviceType::cuda) return {Precision::fp32, Precision::tf32, Precision::bf16};
  std::string why;
  if (cpu_computes_bf16(&why)) return {Precision::fp32, Precision::bf16};
  WARN("bf16 skipped on the CPU: " << why);
  return {Precision::fp32};
}

RunOptions options_for(const TraceCase& trace) {
  RunOptions options;
  options.tune = ConvTuning::off;
  for (const auto& [name, text] : trace.options) set_option(options, name, text);
  return options;
}

TrainingConfig config_of(const RunOptions& options) { return run_config(options).training; }

// The emulated device takes seconds a trace: two stand for all where only the rounding differs.
bool is_brief(const TraceCase& trace) {
  return !kEmulated || trace.name == "dc28" || trace.name == "hinge";
}

void check_trace(const Context& context, const std::filesystem::path& parity,
                 const TraceCase& trace, Precision precision) {
  const SafetensorsFile file(parity / (trace.file + ".safetensors"));
  RunOptions options = options_for(trace);
  options.precision = precision;
  const TraceReport report =
      replay_trace(context, file, config_of(options), trace.prefix, trace_bounds(precision));
  INFO(to_string(context.device()) << " " << enum_name(precision) << " " << trace.name);
  CHECK(report.steps == 5);
  CHECK(report.comparisons.size() >= 33);
  for (const TraceComparison& comparison : report.comparisons) {
    INFO(comparison.name << " max_abs " << comparison.max_abs << " relative "
                         << comparison.relative_l2);
    CHECK(comparison.passed);
  }
  CHECK(report.unknown.empty());
  CHECK(report.passed());
}

}  // namespace

TEST_CASE("every PyTorch trace replays within the bounds, on every device", "[trace]") {
  DCGAN_SHARED_OR_SKIP(parity, "parity");
  REQUIRE(trace_cases().size() == 9);
  for (const Device device : test::devices_under_test()) {
    const Context context(device);
    for (const TraceCase& trace : trace_cases()) {
      for (const Precision precision : precisions_of(device)) {
        if (precision != Precision::fp32 && device.type == DeviceType::cuda && !is_brief(trace)) {
          continue;
        }
        check_trace(context, parity, trace, precision);
      }
    }
  }
}

TEST_CASE("a replay with another learning rate fails, and says where", "[trace]") {
  DCGAN_SHARED_OR_SKIP(path, "parity/dc28_f32.safetensors");
  const Context context(Device{});
  RunOptions options = options_for(trace_case("dc28"));
  options.lr = 3e-4;
  const TraceReport report = replay_trace(context, SafetensorsFile(path), config_of(options), "");
  CHECK_FALSE(report.passed());
  for (const TraceComparison& comparison : report.comparisons) {
    // Gradients of the first step do not know the learning rate; weights do.
    if (comparison.name.starts_with("grad1.D")) CHECK(comparison.passed);
    if (comparison.name == "step1.D.2.weight") CHECK_FALSE(comparison.passed);
  }
}

TEST_CASE("bf16's wider bounds still tell another optimiser and another loss", "[trace]") {
  DCGAN_SHARED_OR_SKIP(path, "parity/dc28_f32.safetensors");
  const Context context(Device{});
  if (!cpu_computes_bf16()) {
    WARN("skipped: no bf16 on this CPU");
    return;
  }
  const SafetensorsFile file(path);
  const auto passes = [&](const char* name, const char* value) {
    RunOptions options = options_for(trace_case("dc28"));
    set_option(options, name, value);
    options.precision = Precision::bf16;
    return replay_trace(context, file, config_of(options), "", trace_bounds(Precision::bf16))
        .passed();
  };
  CHECK(passes("beta1", "0.5"));  // as recorded
  CHECK_FALSE(passes("beta1", "0.9"));
  CHECK_FALSE(passes("lr", "2e-3"));
  CHECK_FALSE(passes("loss", "lsgan"));
  CHECK_FALSE(passes("real-label", "0"));
}

TEST_CASE("TF32 is refused on the CPU, saying what it needs", "[trace]") {
  DCGAN_SHARED_OR_SKIP(path, "parity/dc28_f32.safetensors");
  RunOptions options = options_for(trace_case("dc28"));
  options.precision = Precision::tf32;
  DCGAN_CHECK_FAILS(replay_trace(Context(Device{}), SafetensorsFile(path), config_of(options), ""),
                    ErrorKind::unavailable, "--device cuda");
}

TEST_CASE("a trace that does not fit the options is refused with both shapes", "[trace]") {
  DCGAN_SHARED_OR_SKIP(path, "parity/dc28_f32.safetensors");
  const Context context(Device{});
  const SafetensorsFile file(path);
  RunOptions options = options_for(trace_case("dc64"));
  CHECK_THROWS_WITH(replay_trace(context, file, config_of(options), ""),
                    Contains("28") && Contains("64"));
  options = options_for(trace_case("dc28"));
  options.ngf = 16;
  CHECK_THROWS_WITH(replay_trace(context, file, config_of(options), ""),
                    Contains("conv1.weight") && Contains("[16, 64, 4, 4]"));
  options = options_for(trace_case("dc28"));
  options.d_steps = 2;
  CHECK_THROWS_WITH(replay_trace(context, file, config_of(options), ""), Contains("10 batches"));
}

namespace {

// dc28's recording with one tensor changed.
TraceReport replay_changed(const std::filesystem::path& path,
                           const std::function<void(std::vector<NamedTensor>&)>& change) {
  const SafetensorsFile file(path);
  std::vector<NamedTensor> tensors;
  for (const SafetensorsEntry& entry : file.entries()) {
    tensors.push_back({entry.name, file.read(entry.name)});
  }
  change(tensors);
  const test::TemporaryFolder folder;
  write_safetensors(folder / "changed", as_items(tensors), {});
  return replay_trace(Context(Device{}), SafetensorsFile(folder / "changed"),
                      config_of(options_for(trace_case("dc28"))), "");
}

}  // namespace

TEST_CASE("a tensor in another shape of as many elements is another tensor", "[trace]") {
  DCGAN_SHARED_OR_SKIP(path, "parity/dc28_f32.safetensors");
  CHECK_THROWS_WITH(replay_changed(path,
                                   [](std::vector<NamedTensor>& tensors) {
                                     for (auto& [name, tensor] : tensors) {
                                       if (name != "step1.D.2.weight") continue;
                                       const Shape& s = tensor.shape();
                                       HostTensor flat({s[0] * s[1], s[2], s[3]}, tensor.dtype());
                                       std::memcpy(flat.view().data, tensor.view().data,
                                                   tensor.view().bytes());
                                       tensor = std::move(flat);
                                     }
                                   }),
                    Contains("step1.D.2.weight"));
}

TEST_CASE("a recording with a tensor that is not compared does not pass", "[trace]") {
  DCGAN_SHARED_OR_SKIP(path, "parity/dc28_f32.safetensors");
  const TraceReport report = replay_changed(path, [](std::vector<NamedTensor>& tensors) {
    tensors.push_back({"step1.D.none", HostTensor({1}, DType::f32)});
  });
  CHECK(report.unknown == std::vector<std::string>{"step1.D.none"});
  CHECK_FALSE(report.passed());
}
