// Looking for numbers that are not finite among a network's gradients.
#include "kernels/elementwise/finite.h"

#include "benchmarks/operations/operations.h"
#include "models/networks/blocks.h"
#include "tests/cases/elementwise.h"

namespace dcgan::benchmarks {
namespace {

void check(Session& session) {
  for (const std::int64_t count : test::elementwise_counts()) {
    test::check_finite(session.context(), count, session.settings().dtype(),
                       session.report(std::to_string(count)));
  }
}

void time(Session& session) {
  const Context& context = session.context();
  const ModelConfig& model = session.settings().model;
  const DeviceTensor flag(context, {1}, DType::i32);
  const auto time_network = [&](const char* name, std::int64_t count) {
    const auto gradients = DeviceTensor::random(context, {count}, DType::f32, 1e-3);
    session.time({name, {count}, 0, static_cast<double>(gradients.view().bytes()), 1, "", ""},
                 [&] { detect_non_finite(context, gradients.view(), flag.view()); });
  };
  time_network("G gradients", parameter_count(generator_blocks(model)));
  time_network("D gradients", parameter_count(discriminator_blocks(model)));
}

}  // namespace

Operation finite_operation() {
  return {"finite",
          {"kernels/elementwise/finite.h"},
          "NaN or infinity among a network's gradients",
          check,
          time};
}

}  // namespace dcgan::benchmarks
