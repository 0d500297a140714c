#include "benchmarks/operation.h"

#include <algorithm>

#include "benchmarks/call_timing.h"
#include "tests/reference/tolerance.h"

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

void Session::compare_exactly(std::string name, const Values& result, const Values& expected) {
  comparisons_.push_back({operation_, std::move(name), settings_.precision,
                          reference::max_abs_difference(result, expected), 0.0});
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

double rounding_bound(Precision precision, std::int64_t terms) {
  return reference::tolerance(
      dtype_of_activations(precision), terms,
      precision == Precision::tf32 ? reference::Factors::tf32 : reference::Factors::as_stored);
}

}  // namespace dcgan::benchmarks
