#include "models/parity/trace_values.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace dcgan {

std::vector<double> values_of(const HostTensor& tensor) {
  const std::int64_t count = tensor.shape().elements();
  std::vector<double> values(static_cast<std::size_t>(count));
  const ConstTensorView view = tensor.view();
  switch (tensor.dtype()) {
    case DType::f32:
      std::copy_n(view.as<float>(), count, values.begin());
      break;
    case DType::f64:
      std::copy_n(view.as<double>(), count, values.begin());
      break;
    case DType::i64:
      std::transform(view.as<std::int64_t>(), view.as<std::int64_t>() + count, values.begin(),
                     [](std::int64_t v) { return static_cast<double>(v); });
      break;
    default:
      fail(ErrorKind::bad_data, "trace: values of type {}", name_of(tensor.dtype()));
  }
  return values;
}

Distance distance(const std::vector<double>& a, const std::vector<double>& b) {
  Distance result;
  double difference = 0;
  double norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = std::fabs(a[i] - b[i]);
    if (!std::isfinite(d)) {
      result.max_abs = result.relative_l2 = std::numeric_limits<double>::infinity();
      return result;
    }
    result.max_abs = std::max(result.max_abs, d);
    difference += d * d;
    norm += b[i] * b[i];
  }
  result.relative_l2 = difference == 0 ? 0 : std::sqrt(difference / std::max(norm, 1e-300));
  return result;
}

TraceComparison judged(const std::string& name, const Distance& distance, TraceMeasure measure,
                       double bound) {
  TraceComparison result;
  result.name = name;
  result.max_abs = distance.max_abs;
  result.relative_l2 = distance.relative_l2;
  result.measure = measure;
  result.measured = measure == TraceMeasure::relative ? distance.relative_l2 : distance.max_abs;
  result.bound = bound;
  result.passed = result.measured <= bound;
  return result;
}

}  // namespace dcgan
