// A benchmark of one operation: first it is compared with float64 loops on small shapes, then timed
// at the shapes that it has in a training step.
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
#include "tests/cases/comparison.h"

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

  DType dtype() const { return dtype_of_activations(precision); }
};

/// A call that is timed.
struct Call {
  std::string name;       ///< "D both main.2 forward"
  Shape shape;            ///< of the main operand; of a layer: its input, of its batch norm: output
  double flops = 0;       ///< 0: not counted, the call is bound by memory
  double bytes = 0;       ///< every operand read or written once: the least traffic
  int per_step = 0;       ///< calls in one training step; 0: not part of a step
  std::string tuning;     ///< of a convolution on a GPU, or the candidate's name; else empty
  std::string algorithm;  ///< describe() of the plan; else empty
};

struct Measurement {
  std::string operation;
  Call call;
  Precision precision = Precision::fp32;
  std::int64_t batch = 0;
  Timing timing;           ///< of one call
  double roofline_ms = 0;  ///< least time of its FLOPs and bytes at the peak rates
};

struct Comparison {
  std::string operation;
  std::string name;
  Precision precision = Precision::fp32;
  double error = 0;
  double bound = 0;
  bool passed() const { return error <= bound; }  // false for NaN
};

/// Collects the comparisons and times of the benchmarks.
class Session {
 public:
  explicit Session(const Context& context) : context_(context) {}

  /// The calls that follow belong to `operation` with `settings`.
  void begin(std::string operation, const Settings& settings);

  const Context& context() const { return context_; }
  const Settings& settings() const { return settings_; }

  /// Relative error in the L2 norm; infinite for other shapes and for NaN.
  void compare(std::string name, const Values& result, const Values& expected, double bound);
  /// For the checks of tests/cases; `where` names the case.
  test::Report report(std::string where);
  /// `run` makes the call once; it is called any number of times in a row.
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

struct Operation {
  std::string name;                    ///< for --only
  std::vector<std::string> contracts;  ///< headers of the operations: "kernels/conv/conv.h"
  std::string summary;
  void (*check)(Session&) = nullptr;
  void (*time)(Session&) = nullptr;
  bool convolves = false;  ///< builds plans of convolutions, which takes minutes on a GPU
};

/// All of them. A new one: a file in operations/, a declaration and an entry in operations.cpp.
const std::vector<Operation>& operations();

}  // namespace dcgan::benchmarks
