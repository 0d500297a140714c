// dcgan_bench_ops: each operation by itself, on the CPU and on a GPU.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "benchmarks/report.h"
#include "kernels/vendor/library_versions.h"
#include "models/profiling/system_information.h"
#include "runtime/base/parallel.h"
#include "runtime/base/printable.h"
#include "runtime/device/open_device.h"
#include "runtime/io/files.h"
#include "runtime/io/output_file.h"

namespace dcgan::benchmarks {
namespace {

constexpr int kWrongNumbers = 1;

struct Arguments {
  std::string device = "auto";
  std::string preset = "pytorch";
  std::vector<std::string> precisions;
  std::vector<std::string> only;
  std::vector<std::string> tunings{"off", "heuristic"};
  std::vector<std::int64_t> batches{64};
  int threads = 0;
  int repeats = 10;
  int warm_up = 2;
  double peak_tflops = 0;
  double peak_gbs = 0;
  bool cold = false;
  bool smoke = false;
  bool list = false;
  bool json = false;
  std::string out;
};

void add_options(CLI::App& app, Arguments& a) {
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.add_option("--device", a.device, std::string(kDeviceChoices))->capture_default_str();
  app.add_option("--threads", a.threads, "CPU threads; 0: one a core")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
  app.add_option("--preset", a.preset, "networks whose shapes are timed")->capture_default_str();
  app.add_option("--only", a.only,
                 "operations to run, comma-separated or repeated; memory-bound: those that build "
                 "no plan of "
                 "a convolution")
      ->delimiter(',');
  app.add_flag("--list", a.list, "name the operations and stop");
  app.add_option("--precision", a.precisions,
                 "fp32, tf32, bf16; default: fp32, and bf16 where the device computes in it")
      ->delimiter(',');
  app.add_option("--batches", a.batches, "batch sizes")
      ->delimiter(',')
      ->check(CLI::Range(2, 65536))
      ->capture_default_str();
  app.add_option("--tune", a.tunings,
                 "GPU: how convolution plans are chosen, each timed: off (the library's first), "
                 "heuristic (the best of a few), exhaustive (of all that the library has)")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--repeats", a.repeats, "timed repeats")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--warm-up", a.warm_up, "calls before, not timed")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_flag("--cold", a.cold, "empty the caches before every call");
  app.add_option("--peak-tflops", a.peak_tflops, "arithmetic ceiling, instead of measuring one");
  app.add_option("--peak-gbs", a.peak_gbs,
                 "memory ceiling in GB/s (read + write), instead of measuring one");
  app.add_flag("--smoke", a.smoke, "a tiny network, one repeat: does everything run?");
  app.add_flag("--json", a.json, "print as JSON");
  app.add_option("--out", a.out, "also write the JSON to this file, again after every operation");
  app.footer(
      "Every operation is first compared with float64 loops (exit code 1 when a number is wrong),\n"
      "then timed at the shapes that the networks give it. Bytes count every operand once; the\n"
      "roofline is the least time of FLOPs and bytes at the peak rates. Without --cold, operands "
      "that\n"
      "fit in the caches stay there and pass the memory ceiling. `step`: how often a training "
      "step\n"
      "makes the call.\n"
      "Examples:\n"
      "  dcgan_bench_ops --only conv,batch_norm --batches 64,128,256,1024\n"
      "  dcgan_bench_ops --device cuda --precision bf16 --only memory-bound --out ops.json");
}

std::vector<Precision> precisions_of(const Arguments& arguments, const Context& context) {
  std::vector<Precision> precisions;
  for (const std::string& word : arguments.precisions) {
    precisions.push_back(enum_from_name<Precision>(word, "precision"));
  }
  if (!precisions.empty()) return precisions;
  std::string why;
  if (context.is_cuda() || cpu_computes_bf16(&why)) return {Precision::fp32, Precision::bf16};
  fmt::print(stderr, "precision: fp32 alone ({})\n", why);
  return {Precision::fp32};
}

std::vector<Operation> chosen_operations(const std::vector<std::string>& only) {
  if (only.empty()) return operations();
  std::vector<Operation> chosen;
  for (const std::string& name : only) {
    if (name == "memory-bound") {
      std::copy_if(operations().begin(), operations().end(), std::back_inserter(chosen),
                   [](const Operation& o) { return !o.convolves; });
      continue;
    }
    const auto found = std::find_if(operations().begin(), operations().end(),
                                    [&name](const Operation& o) { return o.name == name; });
    if (found == operations().end()) {
      fail(ErrorKind::usage, "--only: there is no operation '{}' (--list names them)", name);
    }
    chosen.push_back(*found);
  }
  return chosen;
}

PeakRates peak_rates_for(const Arguments& arguments, const Context& context, Precision precision) {
  PeakRates given{arguments.peak_gbs * 1e9, arguments.peak_tflops * 1e12};
  if (given.copy_bytes_per_second > 0 && given.flops_per_second > 0) return given;
  const ConvPolicy policy{precision == Precision::tf32, ConvTuning::heuristic};
  const DType dtype = precision == Precision::bf16 ? DType::bf16 : DType::f32;
  const PeakRates measured = measure_peak_rates(context, dtype, policy);
  if (given.copy_bytes_per_second <= 0) {
    given.copy_bytes_per_second = measured.copy_bytes_per_second;
  }
  if (given.flops_per_second <= 0) given.flops_per_second = measured.flops_per_second;
  return given;
}

// Sizes at which the emulated device, too, is done in seconds.
void make_small(Arguments& arguments) {
  arguments.batches = {2};
  arguments.repeats = arguments.warm_up = 1;
  if (arguments.peak_gbs <= 0) arguments.peak_gbs = 1;
  if (arguments.peak_tflops <= 0) arguments.peak_tflops = 1;
}

Settings settings_of(const Arguments& arguments) {
  Settings settings;
  settings.model = preset_named(arguments.preset).model;
  if (arguments.smoke) {
    settings.model.image_size = 32;
    settings.model.nz = settings.model.ngf = settings.model.ndf = 8;
    settings.repeat_ms = 0;
  }
  settings.warm_up = arguments.warm_up;
  settings.repeats = arguments.repeats;
  settings.cold = arguments.cold;
  settings.tunings.clear();
  for (const std::string& word : arguments.tunings) {
    settings.tunings.push_back(enum_from_name<ConvTuning>(word, "tune"));
  }
  return settings;
}

/// Shows what was measured so far: a run that is stopped has not run in vain.
void report(const Arguments& arguments, const Session& session, nlohmann::ordered_json json,
            std::size_t first) {
  if (!arguments.json) print_measurements(session, first);
  if (arguments.out.empty()) return;
  add_json(session, json);
  write_text_atomically(arguments.out, json.dump(1) + "\n");
}

void time_operation(const Arguments& arguments, const Operation& operation, Settings& settings,
                    Session& session, const nlohmann::ordered_json& json) {
  settings.batch = arguments.batches.front();  // checks cut it down
  session.begin(operation.name, settings);
  operation.check(session);
  for (const std::int64_t batch : arguments.batches) {
    const std::size_t first = session.measurements().size();
    settings.batch = batch;
    session.begin(operation.name, settings);
    operation.time(session);
    report(arguments, session, json, first);
  }
}

void run_all(const Arguments& arguments, Session& session, nlohmann::ordered_json& json) {
  const std::vector<Operation> chosen = chosen_operations(arguments.only);
  Settings settings = settings_of(arguments);
  for (const Precision precision : precisions_of(arguments, session.context())) {
    settings.precision = precision;
    settings.peak_rates = peak_rates_for(arguments, session.context(), precision);
    json["ceilings"][std::string(enum_name(precision))] = {
        {"copy_gb_per_s", settings.peak_rates.copy_bytes_per_second * 1e-9},
        {"tflops", settings.peak_rates.flops_per_second * 1e-12}};
    if (!arguments.json) {
      fmt::print("{}: {:.1f} GB/s copied, {:.3f} TFLOP/s\n", enum_name(precision),
                 settings.peak_rates.copy_bytes_per_second * 1e-9,
                 settings.peak_rates.flops_per_second * 1e-12);
    }
    for (const Operation& operation : chosen) {
      time_operation(arguments, operation, settings, session, json);
    }
  }
}

nlohmann::ordered_json describe(const Arguments& arguments, const Context& context) {
  nlohmann::ordered_json json;
  for (const auto& [what, value] : system_information()) json["machine"][what] = value;
  json["device"] = to_string(context.device());
  json["preset"] = arguments.preset;
  json["smoke"] = arguments.smoke;
  json["cold"] = arguments.cold;
  for (const Operation& operation : operations()) {
    json["operations"].push_back({{"name", operation.name}, {"contracts", operation.contracts}});
  }
  return json;
}

int say_what_failed(const Session& session) {
  int code = 0;
  for (const Comparison& c : session.comparisons()) {
    if (c.passed()) continue;
    fmt::print(stderr, "dcgan_bench_ops: {} {} ({}): error {:.3g}, bound {:.3g}\n", c.operation,
               c.name, enum_name(c.precision), c.error, c.bound);
    code = kWrongNumbers;
  }
  return code;
}

int run(int argc, char** argv) {
  CLI::App app{"Times every operation of dcgan by itself.", "dcgan_bench_ops"};
  Arguments arguments;
  add_options(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ErrorKind::usage);
  }
  if (arguments.list) {
    print_operations();
    return 0;
  }
  if (!arguments.out.empty()) require_output_file("--out", arguments.out, FileKind::json);
  if (arguments.smoke) make_small(arguments);
  if (arguments.threads > 0) set_thread_count(arguments.threads);
  const Context context =
      open_device(parse_device_request(arguments.device, "device"),
                  [](std::string_view line) { fmt::print(stderr, "device: {}\n", line); });
  nlohmann::ordered_json json = describe(arguments, context);
  Session session(context);
  if (!arguments.json) {
    fmt::print("device {}, preset {}\n", to_string(context.device()), arguments.preset);
    print_header();
  }
  run_all(arguments, session, json);
  if (arguments.json) {
    add_json(session, json);
    fmt::print("{}\n", json.dump(1));
  } else {
    print_sums(session);
  }
  return say_what_failed(session);
}

}  // namespace
}  // namespace dcgan::benchmarks

// A message that cannot be printed changes no exit code.
static void complain(std::string_view what) {
  const std::string line = fmt::format("dcgan_bench_ops: {}\n", dcgan::printable(what));
  std::fputs(line.c_str(), stderr);
}

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);  // lines appear as they are printed
  try {
    return dcgan::benchmarks::run(argc, argv);
  } catch (const dcgan::Error& error) {
    complain(error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    complain(fmt::format("internal error: {}", error.what()));
    return static_cast<int>(dcgan::ErrorKind::internal);
  }
}
