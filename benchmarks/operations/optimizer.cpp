// Adam and RMSprop over all parameters of a network in one pass, with what may ride along.
#include "kernels/optimizer/optimizer.h"

#include "benchmarks/operations/operations.h"
#include "models/networks/blocks.h"
#include "tests/reference/optimizer.h"

namespace dcgan::benchmarks {
namespace {

constexpr double kGradientSigma = 1e-3;

enum class Extra { none, ema };

struct Arrays {
  DeviceTensor values, gradients, first_moment, second_moment, step, ema, low_precision;
  DeviceTensor coefficients;

  Arrays(const Context& context, DeviceTensor start, DeviceTensor slopes)
      : values(std::move(start)),
        gradients(std::move(slopes)),
        first_moment(context, values.view().shape, DType::f32),
        second_moment(context, values.view().shape, DType::f32),
        step(context, {1}, DType::i64),
        ema(context, values.view().shape, DType::f32),
        low_precision(context, values.view().shape, DType::bf16),
        coefficients(context, {sizeof(OptimizerCoefficients)}, DType::u8) {}

  void set(const Context& context, const OptimizerOptions& options) const {
    const OptimizerCoefficients host = coefficients_of(options);
    upload(context, {&host, coefficients.view().shape, DType::u8}, coefficients.view());
  }

  OptimizerArrays views(OptimizerKind kind, Extra extra, DType dtype) const {
    return {values.view(),
            gradients.view(),
            kind == OptimizerKind::adam ? first_moment.view() : TensorView{},
            second_moment.view(),
            step.view(),
            extra == Extra::ema ? ema.view() : TensorView{},
            dtype == DType::bf16 ? low_precision.view() : TensorView{},
            coefficients.view()};
  }
  /// Values and moments are read and written, gradients read, the copy in bf16 written.
  static double bytes(std::int64_t count, OptimizerKind kind, Extra extra, DType dtype) {
    const double words = kind == OptimizerKind::adam ? 7 : 5;
    return static_cast<double>(count) *
           (4 * (words + (extra == Extra::ema ? 2 : 0)) + (dtype == DType::bf16 ? 2 : 0));
  }
};

OptimizerOptions options_of(OptimizerKind kind) {
  OptimizerOptions options;
  options.kind = kind;
  options.ema_decay = 0.999f;
  return options;
}

void check(Session& session) {
  const Context& context = session.context();
  constexpr std::int64_t kCount = 10'007;
  constexpr int kSteps = 3;
  for (const auto& [name, kind] : enum_table(OptimizerKind{})) {
    reference::OptimizerState state;
    state.values = reference::random_values({kCount}, 1, DType::f32, 0.0, 0.02);
    state.first_moment = state.second_moment = state.ema = Values({kCount});
    const Values gradients = reference::random_values({kCount}, 2, DType::f32, 0.0, kGradientSigma);
    const Arrays arrays(context, DeviceTensor(context, state.values, DType::f32),
                        DeviceTensor(context, gradients, DType::f32));
    arrays.set(context, options_of(kind));
    for (int i = 0; i < kSteps; ++i) {
      optimizer_step(context, arrays.views(kind, Extra::ema, DType::bf16), kind);
      reference::optimizer_step(state, gradients, options_of(kind));
    }
    // Three updates of a few roundings each, whatever the precision of the convolutions.
    const double bound = kSteps * rounding_bound(Precision::fp32, 1);
    const std::string label(name);
    const Values values = arrays.values.read(context);
    session.compare(label + " values", values, state.values, bound);
    session.compare(label + " second moment", arrays.second_moment.read(context),
                    state.second_moment, bound);
    session.compare(label + " average", arrays.ema.read(context), state.ema, bound);
    session.compare_exactly(label + " bf16 copy", arrays.low_precision.read(context),
                            reference::stored_as(DType::bf16, values));
  }
}

void time_network(Session& session, const std::string& network, std::int64_t count) {
  const Context& context = session.context();
  const DType dtype = session.settings().dtype();
  const Arrays arrays(context, DeviceTensor::random(context, {count}, DType::f32, 0.02),
                      DeviceTensor::random(context, {count}, DType::f32, kGradientSigma));
  for (const auto& [name, kind] : enum_table(OptimizerKind{})) {
    arrays.set(context, options_of(kind));
    for (const Extra extra : {Extra::none, Extra::ema}) {
      const bool usual = kind == OptimizerKind::adam && extra == Extra::none;
      const auto views = arrays.views(kind, extra, dtype);
      session.time({network + " " + std::string(name) + (extra == Extra::ema ? " + average" : ""),
                    {count},
                    0,
                    Arrays::bytes(count, kind, extra, dtype),
                    usual ? 1 : 0,
                    "",
                    ""},
                   [&] { optimizer_step(context, views, kind); });
    }
  }
}

void time(Session& session) {
  const ModelConfig& model = session.settings().model;
  time_network(session, "G", parameter_count(generator_blocks(model)));
  time_network(session, "D", parameter_count(discriminator_blocks(model)));
}

}  // namespace

Operation optimizer_operation() {
  return {"optimizer",
          {"kernels/optimizer/optimizer.h"},
          "Adam and RMSprop over a network's parameters, bf16 copy and average with them",
          check,
          time};
}

}  // namespace dcgan::benchmarks
