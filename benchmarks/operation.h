// What a benchmark of one operation is: first it is compared with float64 loops on a small shape,
// then timed at the shapes that the network gives it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "benchmarks/device_tensor.h"
#include "models/networks/model_config.h"
#include "models/networks/precision.h"
#include "models/profiling/peak_rates.h"
#include "models/profiling/timing.h"
#include "runtime/base/enum_names.h"

namespace dcgan::benchmarks {

struct Settings {
  ModelConfig model;
  std::int64_t batch = 64;
  Precision precision = Precision::fp32;
  std::vector<ConvTuning> tunings;  ///< GPU only; the last is the one that the step's sum takes
  PeakRates peak_rates;
  int warm_up = 2;
  int repeats = 10;
  double repeat_ms = 2;  ///< short calls are repeated inside one measurement until it is this long
  bool cold = false;     ///< caches are emptied before each call, which is then timed alone

  DType dtype() const { return precision == Precision::bf16 ? DType::bf16 : DType::f32; }
};

/// What is timed: one call.
struct Call {
  std::string name;       ///< "D both main.2 forward"
  Shape shape;            ///< of the tensor that the name makes one think of
  double flops = 0;       ///< 0: bytes are what it costs
  double bytes = 0;       ///< every operand read or written once: the least traffic
  int per_step = 0;       ///< how often a training step makes this call; 0: it does not
  std::string tuning;     ///< of a GPU's convolution; else empty
  std::string algorithm;  ///< ConvPlan::describe(); else empty
};

struct Measurement {
  std::string operation;
  Call call;
  Precision precision = Precision::fp32;
  std::int64_t batch = 0;
  Timing timing;           ///< of one call
  double roofline_ms = 0;  ///< least time of its FLOPs and its bytes at the peak_rates
};

struct Comparison {
  std::string operation;
  std::string name;
  Precision precision = Precision::fp32;
  double error = 0;
  double bound = 0;
  bool passed() const { return error <= bound; }  // false for NaN
};

/// Where a benchmark leaves its comparisons and times.
class Session {
 public:
  explicit Session(const Context& context) : context_(context) {}

  /// What follows belongs to `operation` under `settings`.
  void begin(std::string operation, const Settings& settings);

  const Context& context() const { return context_; }
  const Settings& settings() const { return settings_; }

  /// Relative error in the L2 norm; infinite for other shapes and for NaN.
  void compare(std::string name, const Values& result, const Values& expected, double bound);
  /// Every value as it must be, bit for bit.
  void compare_exactly(std::string name, const Values& result, const Values& expected);
  /// `run` makes the call once and may be made any number of times in a row.
  void time(Call call, const std::function<void()>& run);

  const std::vector<Comparison>& comparisons() const { return comparisons_; }
  const std::vector<Measurement>& measurements() const { return measurements_; }

 private:
  const Context& context_;
  std::string operation_;
  Settings settings_;
  std::vector<Comparison> comparisons_;
  std::vector<Measurement> measurements_;
};

/// Bound on the relative L2 error of a result that sums `terms` products and is stored in
/// `precision`. Rounding errors of a float32 sum add up like a random walk, 2^-24 each, and a few
/// more for what follows. bf16: the result is rounded to 8 bits, twice where a second pass follows.
/// TF32: every factor is rounded to 11 bits.
double rounding_bound(Precision precision, std::int64_t terms);

struct Operation {
  std::string name;                    ///< for --only
  std::vector<std::string> contracts;  ///< headers whose operations it times: "kernels/conv/conv.h"
  std::string summary;
  void (*check)(Session&) = nullptr;
  void (*time)(Session&) = nullptr;
};

/// All of them. A new one: a file in operations/, a declaration and an entry in operations.cpp.
const std::vector<Operation>& operations();

}  // namespace dcgan::benchmarks
