#include "benchmarks/operation.h"

#include <algorithm>
#include <cmath>

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

void Session::compare_exactly(std::string name, const Values& result, const Values& expected) {
  comparisons_.push_back({operation_, std::move(name), settings_.precision,
                          reference::max_abs_difference(result, expected), 0.0});
}

void Session::time(Call call, const std::function<void()>& run) {
  const double arithmetic = call.flops / settings_.peak_rates.flops_per_second;
  const double memory = call.bytes / settings_.peak_rates.copy_bytes_per_second;
  measurements_.push_back({operation_, std::move(call), settings_.precision, settings_.batch,
                           time_calls(context_, settings_, run),
                           1e3 * std::max(arithmetic, memory)});
}

double rounding_bound(Precision precision, std::int64_t terms) {
  const double sum = std::ldexp(1.0, -24) * (8 + 2 * std::sqrt(static_cast<double>(terms)));
  if (precision == Precision::bf16) return std::ldexp(1.0, -8) + sum;
  if (precision == Precision::tf32) return std::ldexp(1.0, -10) + sum;
  return sum;
}

}  // namespace dcgan::benchmarks
