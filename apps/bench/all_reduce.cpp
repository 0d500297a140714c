// dcgan bench --all-reduce

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/bench/modes.h"
#include "apps/bench/rank.h"
#include "models/profiling/all_reduce_benchmark.h"
#include "models/profiling/system_information.h"
#include "models/run/run_config.h"
#include "runtime/io/files.h"

namespace dcgan {
namespace {

nlohmann::ordered_json as_json(const std::vector<AllReduceResult>& results,
                               const Communicator& communicator, const Context& context,
                               DType dtype) {
  nlohmann::ordered_json json;
  for (const auto& [what, value] : system_information()) json["machine"][what] = value;
  json["device"] = to_string(context.device());
  json["transport"] = communicator.describe();
  json["ranks"] = communicator.size();
  json["dtype"] = std::string(name_of(dtype));
  json["latency_us"] = results.front().median_us;
  for (const AllReduceResult& result : results) {
    json["all_reduce"].push_back({{"bytes", result.bytes},
                                  {"median_us", result.median_us},
                                  {"p90_us", result.p90_us},
                                  {"algorithm_gb_per_s", result.algorithm_gb_per_second()},
                                  {"bus_gb_per_s", result.bus_gb_per_second()}});
  }
  return json;
}

void print_table(const std::vector<AllReduceResult>& results, const Communicator& communicator,
                 const Context& context, DType dtype) {
  fmt::print("all-reduce of {} over {} ({}), {}\n", name_of(dtype),
             communicator.size() == 1 ? "1 rank: nothing travels"
                                      : fmt::format("{} ranks", communicator.size()),
             communicator.describe(), to_string(context.device()));
  fmt::print("{:>12} {:>12} {:>12} {:>14} {:>10}\n", "bytes", "median us", "p90", "algorithm GB/s",
             "bus GB/s");
  for (const AllReduceResult& result : results) {
    fmt::print("{:>12} {:>12.2f} {:>12.2f} {:>14.3f} {:>10}\n", result.bytes, result.median_us,
               result.p90_us, result.algorithm_gb_per_second(),
               result.ranks > 1 ? fmt::format("{:.3f}", result.bus_gb_per_second()) : "-");
  }
  fmt::print("latency: {:.2f} us, at {} bytes\n", results.front().median_us, results.front().bytes);
}

}  // namespace

int bench_all_reduce(const BenchArguments& arguments) {
  const RunOptions options = arguments.options();
  const DType dtype = run_config(options).training.ranks.gradient_dtype;
  AllReduceSettings settings{arguments.sizes, dtype, arguments.warm_up, arguments.repeats};
  if (settings.sizes.empty()) settings.sizes = default_all_reduce_sizes();
  std::sort(settings.sizes.begin(), settings.sizes.end());
  return on_rank(options, [&](const Context& context, Communicator& ranks) {
    const std::vector<AllReduceResult> results = run_all_reduce_benchmark(context, ranks, settings);
    if (ranks.rank() != 0) return 0;
    const std::string json = as_json(results, ranks, context, dtype).dump(1) + "\n";
    if (arguments.json) {
      fmt::print("{}", json);
    } else {
      print_table(results, ranks, context, dtype);
    }
    if (!arguments.out.empty()) write_text_atomically(arguments.out, json);
    return 0;
  });
}

}  // namespace dcgan
