// What dcgan_bench_ops prints.
#pragma once

#include <nlohmann/json.hpp>

#include "benchmarks/operation.h"

namespace dcgan::benchmarks {

/// Operations with what they time, for --list.
void print_operations();

/// The table, a line a measurement. `print_measurements` prints those from the first-th on.
void print_header();
void print_measurements(const Session& session, std::size_t first);
/// The sum of each operation over a step, and how the comparisons ended.
void print_sums(const Session& session);

/// Adds "checks", "results" and "step_ms".
void add_json(const Session& session, nlohmann::ordered_json& json);

/// One operation's share of a training step: the sum of its calls' medians.
struct StepShare {
  std::string operation;
  Precision precision = Precision::fp32;
  std::int64_t batch = 0;
  double milliseconds = 0;
};
std::vector<StepShare> step_shares(const Session& session);

}  // namespace dcgan::benchmarks
