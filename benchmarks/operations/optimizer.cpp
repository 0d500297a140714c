// Adam and RMSprop over all parameters of a network, with the bf16 copy and the average of weights.
#include "tests/cases/optimizer.h"
#include "benchmarks/operations/operations.h"
#include "models/networks/blocks.h"

namespace dcgan::benchmarks {
namespace {

constexpr double kGradientSigma = 1e-3;

enum class Extra { none, ema };

OptimizerArrays arrays_of(const test::OptimizerOnDevice& on, OptimizerKind kind, Extra extra,
                          DType dtype) {
  OptimizerArrays arrays = on.arrays(kind);
  if (extra != Extra::ema) arrays.ema = {};
  if (dtype != DType::bf16) arrays.low_precision = {};
  return arrays;
}

/// Values and moments are read and written, gradients read, the bf16 copy written.
double bytes_of(std::int64_t count, OptimizerKind kind, Extra extra, DType dtype) {
  const double words = kind == OptimizerKind::adam ? 7 : 5;
  return static_cast<double>(count) *
         (4 * (words + (extra == Extra::ema ? 2 : 0)) + (dtype == DType::bf16 ? 2 : 0));
}

OptimizerOptions options_of(OptimizerKind kind) {
  OptimizerOptions options;
  options.kind = kind;
  options.ema_decay = 0.999f;
  return options;
}

/// Independent of the precision of the convolutions: each precision compares the same.
void check(Session& session) {
  for (const test::OptimizerCase& one : test::optimizer_cases()) {
    test::check_optimizer(session.context(), one, session.report(to_string(one)));
  }
}

void time_network(Session& session, const std::string& network, std::int64_t count) {
  const Context& context = session.context();
  const DType dtype = session.settings().dtype();
  const test::OptimizerOnDevice on(context, test::initial_optimizer_state(count));
  fill_random(context, on.gradients.view(), kGradientSigma);
  for (const auto& [name, kind] : enum_table(OptimizerKind{})) {
    on.set(options_of(kind));
    for (const Extra extra : {Extra::none, Extra::ema}) {
      const bool usual = kind == OptimizerKind::adam && extra == Extra::none;
      const OptimizerArrays arrays = arrays_of(on, kind, extra, dtype);
      session.time({network + " " + std::string(name) + (extra == Extra::ema ? " + average" : ""),
                    {count},
                    0,
                    bytes_of(count, kind, extra, dtype),
                    usual ? 1 : 0,
                    "",
                    ""},
                   [&] { optimizer_step(context, arrays, kind); });
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
          "Adam and RMSprop over a network's parameters, with bf16 copy and average",
          check,
          time};
}

}  // namespace dcgan::benchmarks
