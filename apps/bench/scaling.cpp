// dcgan bench --scaling

#include <fmt/format.h>

#include <charconv>

#include "apps/bench/modes.h"
#include "apps/bench/scaling_report.h"
#include "apps/device_choice.h"
#include "models/profiling/benchmark.h"
#include "models/profiling/scaling_work.h"
#include "models/run/option_defaults.h"
#include "models/run/run_config.h"
#include "runtime/comm/local_communicator.h"
#include "runtime/io/files.h"

namespace dcgan {
namespace {

constexpr std::int64_t kMostGpus = 1024;

double number_of(std::string_view text, const std::string& whole) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    fail(ErrorKind::usage, "--step-ms {}: expected BATCH:MILLISECONDS, such as 64:0.74", whole);
  }
  return value;
}

std::vector<BatchTime> given_times(const BenchArguments& arguments) {
  std::vector<BatchTime> times;
  for (const std::string& text : arguments.step_ms) {
    const std::string_view view = text;
    const std::size_t colon = std::min(view.find(':'), view.size());
    const std::string_view ms = view.substr(std::min(colon + 1, view.size()));
    times.push_back({number_of(view.substr(0, colon), text), number_of(ms, text)});
  }
  return times;
}

std::vector<BatchTime> measured_times(const BenchArguments& arguments, RunOptions options,
                                      const Context& context) {
  const BenchmarkSettings settings{arguments.warm_up, arguments.repeats, /*blocks=*/false,
                                   /*generate=*/false};
  LocalCommunicator alone;
  std::vector<BatchTime> times;
  for (const std::int64_t batch : bench_batches(arguments, options)) {
    options.batch_size = batch;
    const RunConfig config = run_config(options);
    // No roofline is reported: any peak rates do.
    const auto results =
        run_benchmark(context, alone, {config.training, config.loader}, settings, PeakRates{1, 1});
    times.push_back({static_cast<double>(batch), results.front().timing.median()});
  }
  return times;
}

ClusterLinks links_of(const BenchArguments& arguments, std::int64_t node_gpus) {
  return {node_gpus,
          {arguments.link_us, arguments.link_gbs},
          {arguments.network_us, arguments.network_gbs},
          arguments.call_us};
}

ScalingTables tables_of(const BenchArguments& arguments, const ScalingWork& work,
                        const BatchTimes& times, std::int64_t node_gpus) {
  ScalingTables tables{links_of(arguments, node_gpus), {}, {}};
  for (const BatchTime& time : times.measured()) {
    tables.weak.push_back(weak_scaling(work, times, time.batch, tables.links, kMostGpus));
  }
  if (times.measured().size() < 2 && arguments.world_batch == 0) return tables;
  const auto largest = static_cast<std::int64_t>(times.measured().back().batch);
  const std::int64_t world = arguments.world_batch > 0 ? arguments.world_batch : largest;
  tables.strong = strong_scaling(work, times, world, tables.links, kMostGpus);
  return tables;
}

nlohmann::ordered_json inputs_of(const RunOptions& options) {
  return {{"preset", preset_of(options)},
          {"precision", std::string(enum_name(options.precision))},
          {"d_steps", options.d_steps},
          {"bucket_mb", options.bucket_mb},
          {"grad_dtype", std::string(enum_name(options.grad_dtype))},
          {"sync_batch_norm", options.sync_batch_norm}};
}

}  // namespace

int bench_scaling(const BenchArguments& arguments) {
  const RunOptions options = arguments.options();
  const TrainingConfig config = run_config(options).training;
  ScalingReport report;
  report.inputs = inputs_of(options);
  bool has_streams = options.device.kind != DeviceRequest::Kind::cpu;
  if (!arguments.step_ms.empty()) {
    report.step_times = given_times(arguments);
    report.times = "given";
  } else {
    apply_threads(options.threads);
    const Context context = open_run_device(options);
    report.step_times = measured_times(arguments, options, context);
    report.times = fmt::format("measured on {}", to_string(context.device()));
    has_streams = context.is_cuda();
  }
  const BatchTimes times(report.step_times);
  report.step_times = times.measured();
  report.work = scaling_work(config, has_streams && overlaps_branches(config.overlap));
  for (const std::int64_t node_gpus : arguments.node_gpus) {
    report.shapes.push_back(tables_of(arguments, report.work, times, node_gpus));
  }
  const std::string json = as_json(report).dump(1) + "\n";
  if (arguments.json) {
    fmt::print("{}", json);
  } else {
    print_tables(report);
  }
  if (!arguments.out.empty()) write_text_atomically(arguments.out, json);
  return 0;
}

}  // namespace dcgan
