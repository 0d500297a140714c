#include "models/parity/optimizer_formula.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "runtime/base/errors.h"

namespace dcgan {
namespace {

constexpr double kUnits = 2.4e-7;    // two units in the last place of float32
constexpr double kOfUpdate = 1e-5;   // a dozen roundings and a rough quotient
constexpr double kSmallest = 1e-37;  // below it float32 loses digits

class Metadata {
 public:
  Metadata(const std::map<std::string, std::string>& values, const std::string& file)
      : values_(values), file_(file) {}

  const std::string& text(const std::string& name) const {
    const auto found = values_.find(name);
    if (found == values_.end()) {
      fail(ErrorKind::bad_data, "{}: its metadata do not say {}: record it again", file_, name);
    }
    return found->second;
  }
  double number(const std::string& name) const {
    const std::string& written = text(name);
    double value = 0;
    const char* end = written.data() + written.size();
    const auto [rest, error] = std::from_chars(written.data(), end, value);
    if (error != std::errc{} || rest != end || !std::isfinite(value)) {
      fail(ErrorKind::bad_data, "{}: metadata: {} is no number", file_, name);
    }
    return value;
  }

 private:
  const std::map<std::string, std::string>& values_;
  const std::string& file_;
};

OptimizedResult adam(const RecordedOptimizer& by, std::int64_t t, const OptimizedValue& before,
                     double gradient) {
  const double kept = by.beta1 * before.first;
  const double added = (1 - by.beta1) * gradient;
  const double second = by.beta2 * before.second + (1 - by.beta2) * gradient * gradient;
  const auto count = static_cast<double>(t);
  const double rate = by.learning_rate / (1 - std::pow(by.beta1, count));
  const double spread = std::sqrt(second / (1 - std::pow(by.beta2, count))) + by.epsilon;
  const double parts = std::fabs(kept) + std::fabs(added);  // they may cancel
  OptimizedResult result;
  result.expected = {before.value - rate * (kept + added) / spread, kept + added, second};
  result.tolerance = {kOfUpdate * rate * parts / spread, kUnits * parts + kSmallest,
                      2 * kUnits * second + kSmallest};
  return result;
}

OptimizedResult rmsprop(const RecordedOptimizer& by, const OptimizedValue& before,
                        double gradient) {
  const double second = by.alpha * before.second + (1 - by.alpha) * gradient * gradient;
  const double update = by.learning_rate * gradient / (std::sqrt(second) + by.epsilon);
  OptimizedResult result;
  result.expected = {before.value - update, 0, second};
  result.tolerance = {kOfUpdate * std::fabs(update), kSmallest, 2 * kUnits * second + kSmallest};
  return result;
}

}  // namespace

RecordedOptimizer RecordedOptimizer::from(const std::map<std::string, std::string>& metadata,
                                          const std::string& file) {
  const Metadata values(metadata, file);
  RecordedOptimizer result;
  const std::string& kind = values.text("optimizer");
  if (kind != "adam" && kind != "rmsprop") {
    fail(ErrorKind::bad_data, "{}: metadata: optimizer is neither adam nor rmsprop", file);
  }
  result.kind = kind == "adam" ? OptimizerKind::adam : OptimizerKind::rmsprop;
  result.learning_rate = values.number("lr");
  result.beta1 = values.number("beta1");
  result.beta2 = values.number("beta2");
  result.alpha = values.number("alpha");
  result.epsilon = values.number("epsilon");
  result.weight_clip = values.number("weight-clip");
  return result;
}

OptimizedResult optimized(const RecordedOptimizer& by, std::int64_t t, const OptimizedValue& before,
                          double gradient, bool clipped) {
  OptimizedResult result = by.kind == OptimizerKind::adam ? adam(by, t, before, gradient)
                                                          : rmsprop(by, before, gradient);
  double& value = result.expected.value;
  if (clipped && by.weight_clip > 0) value = std::clamp(value, -by.weight_clip, by.weight_clip);
  result.tolerance.value += kUnits * std::fabs(value) + kSmallest;
  return result;
}

}  // namespace dcgan
