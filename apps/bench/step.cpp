// dcgan bench: the training step and the generator

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "apps/bench/modes.h"
#include "apps/bench/rank.h"
#include "models/profiling/benchmark.h"
#include "models/profiling/data_benchmark.h"
#include "models/profiling/system_information.h"
#include "models/run/option_defaults.h"
#include "models/run/run_config.h"
#include "runtime/io/files.h"

namespace dcgan {
namespace {

nlohmann::ordered_json as_json(const BenchmarkResult& r) {
  nlohmann::ordered_json json = {{"task", r.task},
                                 {"name", r.name},
                                 {"dtype", std::string(name_of(r.dtype))},
                                 {"batch", r.batch}};
  if (!r.note.empty()) {
    json["note"] = r.note;
    return json;
  }
  json["repeats"] = r.timing.milliseconds.size();
  json["median_ms"] = r.timing.median();
  json["p10_ms"] = r.timing.quantile(0.1);
  json["p90_ms"] = r.timing.quantile(0.9);
  if (r.images > 0) json["images_per_s"] = r.images_per_second();
  if (r.flops > 0) {
    json["gflop"] = r.flops * 1e-9;
    json["tflops"] = r.tflops();
  }
  if (r.bytes > 0) {
    json["bytes_by_plan"] = r.bytes;
    json["gb_per_s"] = r.gb_per_second();
  }
  if (r.memory_bytes > 0) json["memory_bytes"] = r.memory_bytes;
  if (r.graph.nodes > 0) {
    json["graph_nodes"] = r.graph.nodes;
    json["kernels"] = r.graph.kernels;
  }
  if (r.device_bytes > 0) json["device_bytes"] = r.device_bytes;
  if (r.peak_host_bytes > 0) json["peak_host_bytes"] = r.peak_host_bytes;
  if (r.step_times) {
    json["shares"] = {{"convolutions", r.step_times->breakdown.convolutions},
                      {"batch_norm", r.step_times->breakdown.batch_norm},
                      {"optimizer", r.step_times->breakdown.optimizer},
                      {"rest", r.step_times->breakdown.rest}};
    for (const StageTime& stage : r.step_times->stages) {
      json["stages_ms"][stage.name] = stage.mean_ms;
    }
  }
  if (r.roofline_ms > 0) json["roofline_share"] = r.roofline_ms / r.timing.median();
  if (r.fused_ms > 0) {
    json["fused_ms"] = r.fused_ms;
    json["fused_share"] = r.fused_ms / r.timing.median();
  }
  return json;
}

void print_line(const BenchmarkResult& r) {
  const auto or_dash = [](bool known, const std::string& text) { return known ? text : "-"; };
  fmt::print("{:<9} {:<22} {:<5} {:>5} ", r.task, r.name, name_of(r.dtype), r.batch);
  if (!r.note.empty()) return fmt::print("none: {}\n", r.note);
  fmt::print(
      "{:>10.3f} {:>10.3f} {:>10.3f} {:>10} {:>8} {:>8} {:>9} {:>6}\n", r.timing.median(),
      r.timing.quantile(0.1), r.timing.quantile(0.9),
      or_dash(r.images > 0, fmt::format("{:.1f}", r.images_per_second())),
      or_dash(r.flops > 0, fmt::format("{:.3f}", r.tflops())),
      or_dash(r.bytes > 0, fmt::format("{:.2f}", r.gb_per_second())),
      or_dash(r.roofline_ms > 0, fmt::format("{:.0f} %", 100 * r.roofline_ms / r.timing.median())),
      or_dash(r.fused_ms > 0, fmt::format("{:.0f} %", 100 * r.fused_ms / r.timing.median())));
}

// Time breakdown, graph and memory of a training step.
void print_step(const BenchmarkResult& r) {
  constexpr double kMiB = 1 << 20;
  const TimeBreakdown& s = r.step_times->breakdown;
  fmt::print(
      "step at batch {}: convolutions {:.1f} %, batch norm {:.1f} %, optimiser {:.1f} %, rest "
      "{:.1f} "
      "%; ",
      r.batch, 100 * s.convolutions, 100 * s.batch_norm, 100 * s.optimizer, 100 * s.rest);
  if (r.graph.nodes > 0) {
    fmt::print("{} graph nodes, {} of them kernels; ", r.graph.nodes, r.graph.kernels);
  }
  if (r.device_bytes > 0) {
    fmt::print("{:.0f} MiB of the GPU; ", static_cast<double>(r.device_bytes) / kMiB);
  }
  fmt::print("host peak {:.0f} MiB\n", static_cast<double>(r.peak_host_bytes) / kMiB);
}

void print_columns() {
  fmt::print("{:<9} {:<22} {:<5} {:>5} {:>10} {:>10} {:>10} {:>10} {:>8} {:>8} {:>9} {:>6}\n",
             "task", "name", "type", "batch", "median ms", "p10", "p90", "images/s", "TFLOP/s",
             "GB/s", "roofline", "fused");
}

void print_results(const std::vector<BenchmarkResult>& results) {
  for (const BenchmarkResult& r : results) print_line(r);
  for (const BenchmarkResult& r : results) {
    if (r.step_times) print_step(r);
  }
}

PeakRates peak_rates_for(const BenchArguments& arguments, const TrainingConfig& config,
                         const Context& context) {
  PeakRates peak_rates{arguments.peak_gbs * 1e9, arguments.peak_tflops * 1e12};
  if (peak_rates.copy_bytes_per_second > 0 && peak_rates.flops_per_second > 0) return peak_rates;
  const PeakRates measured = measure_peak_rates(context, config.dtype(), config.conv_policy());
  if (peak_rates.copy_bytes_per_second <= 0) {
    peak_rates.copy_bytes_per_second = measured.copy_bytes_per_second;
  }
  if (peak_rates.flops_per_second <= 0) peak_rates.flops_per_second = measured.flops_per_second;
  return peak_rates;
}

nlohmann::ordered_json as_json(const std::vector<BenchmarkResult>& results,
                               const PeakRates& peak_rates, const RunOptions& options,
                               const Context& context, const Communicator& ranks) {
  nlohmann::ordered_json json;
  for (const auto& [what, value] : system_information()) json["machine"][what] = value;
  json["device"] = to_string(context.device());
  if (ranks.size() > 1) {
    json["ranks"] = ranks.size();
    json["transport"] = ranks.describe();
  }
  json["preset"] = preset_of(options);
  json["precision"] = std::string(enum_name(options.precision));
  json["ceilings"] = {{"copy_gb_per_s", peak_rates.copy_bytes_per_second * 1e-9},
                      {"tflops", peak_rates.flops_per_second * 1e-12}};
  for (const BenchmarkResult& result : results) json["results"].push_back(as_json(result));
  return json;
}

void print_head(const PeakRates& peak_rates) {
  for (const auto& [what, value] : system_information()) {
    if (what == "revision" || what.starts_with("CPU") || what.starts_with("GPU")) {
      fmt::print("{}: {}\n", what, value);
    }
  }
  fmt::print("peak rates: {:.1f} GB/s copied, {:.3f} TFLOP/s\n",
             peak_rates.copy_bytes_per_second * 1e-9, peak_rates.flops_per_second * 1e-12);
  print_columns();
}

std::vector<BenchmarkResult> run_batch(const BenchArguments& arguments, const RunOptions& options,
                                       const Context& context, Communicator& ranks,
                                       const PeakRates& peak_rates) {
  const BenchmarkSettings settings{arguments.warm_up, arguments.repeats, arguments.blocks,
                                   !arguments.no_generate};
  const RunConfig config = run_config(options);
  const BenchmarkSubject subject{config.training, config.loader};
  std::vector<BenchmarkResult> results =
      run_benchmark(context, ranks, subject, settings, peak_rates);
  if (!arguments.pipeline) return results;
  std::vector<BenchmarkResult> data =
      run_data_benchmark(context, subject, config.dataset, settings);
  std::move(data.begin(), data.end(), std::back_inserter(results));
  return results;
}

// Rank 0 speaks for all.
int time_batches(const BenchArguments& arguments, RunOptions options, const Context& context,
                 Communicator& ranks) {
  const bool speaks = ranks.rank() == 0;
  const TrainingConfig config = run_config(options).training;
  const PeakRates peak_rates = peak_rates_for(arguments, config, context);
  if (speaks && !arguments.json) print_head(peak_rates);
  std::vector<BenchmarkResult> all;
  const auto report = [&] {
    return as_json(all, peak_rates, options, context, ranks).dump(1) + "\n";
  };
  for (const std::int64_t batch : bench_batches(arguments, options)) {
    options.batch_size = batch;
    std::vector<BenchmarkResult> results =
        run_batch(arguments, options, context, ranks, peak_rates);
    if (!speaks) continue;
    if (!arguments.json) print_results(results);
    std::move(results.begin(), results.end(), std::back_inserter(all));
    if (!arguments.out.empty()) write_text_atomically(arguments.out, report());
  }
  if (speaks && arguments.json) fmt::print("{}", report());
  return 0;
}

}  // namespace

int bench_step(const BenchArguments& arguments) {
  const RunOptions options = arguments.options();
  return on_rank(options, [&](const Context& context, Communicator& ranks) {
    return time_batches(arguments, options, context, ranks);
  });
}

}  // namespace dcgan
