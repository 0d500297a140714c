#include "benchmarks/operation.h"

#include <algorithm>

#include "benchmarks/call_timing.h"

namespace dcgan::benchmarks {

void Session::begin(std::string operation, const Settings& settings) {
  operation_ = std::move(operation);
  settings_ = settings;
}

void Session::compare(std::string name, const Values& result, const Values& expected,
                      double bound) {
  comparisons_.push_back({operation_, std::move(name), settings_.precision,
                          reference::relative_l2(result, expected), bound});
}

test::Report Session::report(std::string where) {
  return [this, where = std::move(where)](const test::Comparison& comparison) {
    comparisons_.push_back({operation_, where + ": " + comparison.name, settings_.precision,
                            comparison.error(), comparison.bound});
  };
}

void Session::time(Call call, const std::function<void()>& run) {
  const double arithmetic = call.flops / settings_.peak_rates.flops_per_second;
  const double memory = call.bytes / settings_.peak_rates.copy_bytes_per_second;
  measurements_.push_back({operation_, std::move(call), settings_.precision, settings_.batch,
                           time_calls(context_, settings_, run),
                           1e3 * std::max(arithmetic, memory)});
}

}  // namespace dcgan::benchmarks
