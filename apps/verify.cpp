// dcgan verify

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/device_choice.h"
#include "apps/messages.h"
#include "apps/run_option_flags.h"
#include "models/parity/trace.h"
#include "models/run/run_config.h"
#include "runtime/base/printable.h"
#include "runtime/io/output_file.h"

namespace dcgan {
namespace {

struct VerifyArguments {
  explicit VerifyArguments(CLI::App& app)
      : flags(app, {"Network", "Loss and optimiser", "device", "precision", "tune", "overlap",
                    "threads"}) {
    app.add_option("--trace", trace, "recorded training (safetensors)")
        ->type_name("PATH")
        ->required();
    app.add_option("--trace-prefix", prefix, "compare only tensors whose names begin with PREFIX")
        ->type_name("PREFIX");
    app.add_option("--out", out, "write the computed tensors, under the names of the trace")
        ->type_name("PATH");
    app.add_option("--bound", bound,
                   "largest absolute difference of weights, statistics, images and losses")
        ->type_name("X")
        ->default_str("by precision")
        ->check(CLI::Range(0.0, 1e9));
    app.add_option("--gradient-bound", gradient_bound,
                   "largest relative difference of gradients, moments and activations")
        ->type_name("X")
        ->default_str("by precision")
        ->check(CLI::Range(0.0, 1e9));
    app.add_flag("--json", json, "print JSON");
  }
  RunOptionFlags flags;
  std::string trace;
  std::string prefix;
  std::string out;
  double bound = 0;
  double gradient_bound = 0;
  bool json = false;
};

const char* short_name(TraceMeasure measure) {
  switch (measure) {
    case TraceMeasure::absolute:
      return "abs";
    case TraceMeasure::relative:
      return "rel";
    case TraceMeasure::update:
      break;
  }
  return "upd";
}

const char* json_name(TraceMeasure measure) {
  switch (measure) {
    case TraceMeasure::absolute:
      return "max_abs";
    case TraceMeasure::relative:
      return "relative_l2";
    case TraceMeasure::update:
      break;
  }
  return "update";
}

double share_of_bound(const TraceComparison& c) {
  return c.measured == 0 ? 0 : c.measured / c.bound;
}

void print_json(const TraceReport& report) {
  nlohmann::ordered_json json;
  json["steps"] = report.steps;
  json["passed"] = report.passed();
  for (const TraceComparison& c : report.comparisons) {
    json["tensors"].push_back({{"name", c.name},
                               {"max_abs", c.max_abs},
                               {"relative_l2", c.relative_l2},
                               {"bound", c.bound},
                               {"bound_on", json_name(c.measure)},
                               {"measured", c.measured},
                               {"passed", c.passed}});
  }
  json["unknown"] = report.unknown;
  json["notes"] = report.notes;
  fmt::print("{}\n", json.dump(2));
}

void print_table(const TraceReport& report) {
  fmt::print("{:<44} {:>10} {:>11} {:>14} {:>7}  verdict\n", "tensor", "max |diff|", "relative L2",
             "bound", "of it");
  std::size_t failed = 0;
  for (const TraceComparison& c : report.comparisons) {
    failed += c.passed ? 0 : 1;
    fmt::print("{:<44} {:>10.2e} {:>11.2e} {:>10.0e} {} {:>5.0f} %  {}\n",
               printable(c.name, kMostShown), c.max_abs, c.relative_l2, c.bound,
               short_name(c.measure), 100 * share_of_bound(c), c.passed ? "ok" : "FAILED");
  }
  for (const std::string& name : report.unknown) {
    fmt::print("{:<44} not compared\n", printable(name, kMostShown));
  }
  for (const std::string& note : report.notes) fmt::print("note: {}\n", note);
  fmt::print("{} steps, {} tensors compared, {} failed, {} not compared\n", report.steps,
             report.comparisons.size(), failed, report.unknown.size());
}

TraceBounds bounds_of(const VerifyArguments& arguments, Precision precision) {
  TraceBounds bounds = trace_bounds(precision);
  if (arguments.bound > 0) bounds.absolute = bounds.weights = arguments.bound;
  if (arguments.gradient_bound > 0) bounds.relative_gradient = arguments.gradient_bound;
  return bounds;
}

int verify(const VerifyArguments& arguments) {
  if (!arguments.out.empty()) {
    require_output_file("--out", arguments.out, FileKind::safetensors);
  }
  const RunOptions options = arguments.flags.effective();
  const TrainingConfig config = run_config(options).training;
  apply_threads(options.threads);
  const Context context = open_run_device(options);
  const SafetensorsFile trace(arguments.trace);
  const TraceReport report = replay_trace(context, trace, config, arguments.prefix,
                                          bounds_of(arguments, config.precision));
  if (!arguments.out.empty()) {
    write_safetensors(arguments.out, as_items(report.computed), {{"format", "pt"}});
  }
  arguments.json ? print_json(report) : print_table(report);
  return report.passed() ? 0 : 1;
}

}  // namespace

Command add_verify(CLI::App& app) {
  const auto arguments = std::make_shared<VerifyArguments>(app);
  app.footer(
      "Replays a training recorded with scripts/record_trace.py and compares every tensor.\n"
      "Exit code: 0 all tensors compared and within their bounds, 1 not.\n"
      "\n"
      "Examples:\n"
      "  dcgan verify --trace trace.safetensors --preset pytorch --nz 16 --ngf 8 --ndf 8\n"
      "  dcgan verify --trace dc32_variants.safetensors --trace-prefix hinge. --image-size 32 \\\n"
      "               --channels 1 --nz 16 --ngf 8 --ndf 8 --loss hinge");
  return [arguments] { return verify(*arguments); };
}

}  // namespace dcgan
