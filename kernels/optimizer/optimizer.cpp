#include "kernels/optimizer/optimizer.h"

#include <cmath>

#include "kernels/common/checks.h"
#include "kernels/optimizer/optimizer_variants.h"
#include "runtime/base/build_config.h"

namespace dcgan {
namespace {

constexpr const char* kName = "optimizer_step";

void check_array(const char* argument, ConstTensorView view, DType dtype, std::int64_t elements) {
  checks::dtype(kName, argument, view, {dtype});
  checks::elements(kName, argument, view, elements);
}

/// Written so that NaN fails.
void check_range(const char* option, double value, bool inside, const char* range) {
  if (!inside) fail(ErrorKind::config, "{}: {} is {}, must be {}", kName, option, value, range);
}

void check_options(const OptimizerOptions& options) {
  const auto decay = [](double value) { return value >= 0.0 && value < 1.0; };
  check_range("learning_rate", options.learning_rate, options.learning_rate >= 0.0f, "at least 0");
  check_range("epsilon", options.epsilon, options.epsilon >= 0.0f, "at least 0");
  check_range("weight_clip", options.weight_clip, options.weight_clip >= 0.0f, "at least 0");
  check_range("ema_decay", options.ema_decay, options.ema_decay >= 0.0 && options.ema_decay <= 1.0,
              "in [0, 1]");
  if (options.kind == OptimizerKind::adam) {
    check_range("beta1", options.beta1, decay(options.beta1), "in [0, 1)");
    check_range("beta2", options.beta2, decay(options.beta2), "in [0, 1)");
  } else {
    check_range("alpha", options.alpha, decay(options.alpha), "in [0, 1)");
  }
}

float one_minus(double decay) { return static_cast<float>(1.0 - decay); }

}  // namespace

OptimizerCoefficients coefficients_of(const OptimizerOptions& options) {
  check_options(options);
  const double beta2 = options.kind == OptimizerKind::adam ? options.beta2 : options.alpha;
  OptimizerCoefficients result{};
  result.log_beta1 = std::log(options.beta1);
  result.log_beta2 = std::log(beta2);
  result.learning_rate = options.learning_rate;
  result.beta1 = static_cast<float>(options.beta1);
  result.beta2 = static_cast<float>(beta2);
  result.one_minus_beta1 = one_minus(options.beta1);
  result.one_minus_beta2 = one_minus(beta2);
  result.epsilon = options.epsilon;
  result.weight_clip = options.weight_clip;
  result.ema_decay = static_cast<float>(options.ema_decay);
  result.one_minus_ema_decay = one_minus(options.ema_decay);
  return result;
}

void optimizer_step(const Context& context, const OptimizerArrays& arrays, OptimizerKind kind,
                    StepCount count) {
  const std::int64_t elements = arrays.values.elements();
  check_array("values", arrays.values, DType::f32, elements);
  check_array("gradients", arrays.gradients, DType::f32, elements);
  check_array("second_moment", arrays.second_moment, DType::f32, elements);
  check_array("step", arrays.step, DType::i64, 1);
  check_array("coefficients", arrays.coefficients, DType::u8, sizeof(OptimizerCoefficients));
  if (kind == OptimizerKind::adam) {
    check_array("first_moment", arrays.first_moment, DType::f32, elements);
  }
  if (!arrays.ema.empty()) check_array("ema", arrays.ema, DType::f32, elements);
  if (!arrays.low_precision.empty()) {
    check_array("low_precision", arrays.low_precision, DType::bf16, elements);
  }
  if (!arrays.non_finite.empty()) check_array("non_finite", arrays.non_finite, DType::i32, 1);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::optimizer_step(context, arrays, kind, count);
  }
  cpu::optimizer_step(context, arrays, kind, count);
}

}  // namespace dcgan
