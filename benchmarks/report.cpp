#include "benchmarks/report.h"

#include <fmt/format.h>

#include <algorithm>

namespace dcgan::benchmarks {
namespace {

double per_second(double amount, const Measurement& m) {
  return amount / (m.timing.median() * 1e-3);
}

void print_measurement(const Measurement& m) {
  const Call& call = m.call;
  const auto or_dash = [](bool known, const std::string& text) { return known ? text : "-"; };
  fmt::print(
      "{:<11} {:<29} {:<5} {:>5} {:<22} {:>9.4f} {:>9.4f} {:>9.4f} {:>8} {:>8} {:>8} {:>4} {}\n",
      m.operation, call.name, enum_name(m.precision), m.batch, to_string(call.shape),
      m.timing.median(), m.timing.quantile(0.1), m.timing.quantile(0.9),
      or_dash(call.flops > 0, fmt::format("{:.3f}", per_second(call.flops, m) * 1e-12)),
      fmt::format("{:.1f}", per_second(call.bytes, m) * 1e-9),
      fmt::format("{:.0f} %", 100 * m.roofline_ms / m.timing.median()),
      or_dash(call.per_step > 0, fmt::format("{}", call.per_step)),
      call.tuning + (call.tuning.empty() || call.algorithm.empty() ? "" : ": ") + call.algorithm);
}

nlohmann::ordered_json as_json(const Measurement& m) {
  const Call& call = m.call;
  nlohmann::ordered_json json = {
      {"operation", m.operation},
      {"name", call.name},
      {"precision", std::string(enum_name(m.precision))},
      {"batch", m.batch},
      {"shape", std::vector<std::int64_t>(call.shape.begin(), call.shape.end())},
      {"repeats", m.timing.milliseconds.size()},
      {"median_ms", m.timing.median()},
      {"p10_ms", m.timing.quantile(0.1)},
      {"p90_ms", m.timing.quantile(0.9)},
      {"bytes", call.bytes},
      {"gb_per_s", per_second(call.bytes, m) * 1e-9}};
  if (call.flops > 0) {
    json["gflop"] = call.flops * 1e-9;
    json["tflops"] = per_second(call.flops, m) * 1e-12;
  }
  json["roofline_ms"] = m.roofline_ms;
  json["roofline_share"] = m.roofline_ms / m.timing.median();
  json["per_step"] = call.per_step;
  if (!call.tuning.empty()) json["tuning"] = call.tuning;
  if (!call.algorithm.empty()) json["algorithm"] = call.algorithm;
  return json;
}

}  // namespace

std::vector<StepShare> step_shares(const Session& session) {
  std::vector<StepShare> shares;
  for (const Measurement& m : session.measurements()) {
    if (m.call.per_step == 0) continue;
    auto share = std::find_if(shares.begin(), shares.end(), [&m](const StepShare& s) {
      return s.operation == m.operation && s.precision == m.precision && s.batch == m.batch;
    });
    if (share == shares.end()) {
      share = shares.insert(shares.end(), {m.operation, m.precision, m.batch, 0});
    }
    share->milliseconds += m.call.per_step * m.timing.median();
  }
  return shares;
}

void print_operations() {
  for (const Operation& operation : operations()) {
    fmt::print("{:<12} {}\n", operation.name, operation.summary);
    for (const std::string& contract : operation.contracts) {
      fmt::print("{:<12} {}\n", "", contract);
    }
  }
}

void print_header() {
  fmt::print("{:<11} {:<29} {:<5} {:>5} {:<22} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8} {:>4} {}\n",
             "operation", "call", "type", "batch", "shape", "median ms", "p10", "p90", "TFLOP/s",
             "GB/s", "roofline", "step", "algorithm");
}

void print_measurements(const Session& session, std::size_t first) {
  const std::vector<Measurement>& all = session.measurements();
  for (std::size_t i = first; i < all.size(); ++i) print_measurement(all[i]);
}

void print_sums(const Session& session) {
  const std::vector<StepShare> shares = step_shares(session);
  if (!shares.empty()) fmt::print("\nsum over the calls of one training step:\n");
  for (const StepShare& share : shares) {
    fmt::print("{:<11} {:<5} {:>5} {:>9.3f} ms\n", share.operation, enum_name(share.precision),
               share.batch, share.milliseconds);
  }
  const auto& all = session.comparisons();
  const auto failed =
      std::count_if(all.begin(), all.end(), [](const Comparison& c) { return !c.passed(); });
  fmt::print("\n{} comparisons with float64, {} failed\n", all.size(), failed);
}

void add_json(const Session& session, nlohmann::ordered_json& json) {
  json["checks"] = nlohmann::ordered_json::array();
  for (const Comparison& c : session.comparisons()) {
    json["checks"].push_back({{"operation", c.operation},
                              {"name", c.name},
                              {"precision", std::string(enum_name(c.precision))},
                              {"error", c.error},
                              {"bound", c.bound},
                              {"passed", c.passed()}});
  }
  json["results"] = nlohmann::ordered_json::array();
  for (const Measurement& m : session.measurements()) json["results"].push_back(as_json(m));
  json["step_ms"] = nlohmann::ordered_json::array();
  for (const StepShare& share : step_shares(session)) {
    json["step_ms"].push_back({{"operation", share.operation},
                               {"precision", std::string(enum_name(share.precision))},
                               {"batch", share.batch},
                               {"ms", share.milliseconds}});
  }
}

}  // namespace dcgan::benchmarks
