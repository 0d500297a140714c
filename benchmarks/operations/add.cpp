// The sum of two tensors in place, as gradients are accumulated.
#include "kernels/elementwise/add.h"

#include "benchmarks/operations/operations.h"
#include "models/networks/blocks.h"
#include "tests/cases/elementwise.h"

namespace dcgan::benchmarks {
namespace {

void check(Session& session) {
  for (const std::int64_t count : test::elementwise_counts()) {
    test::check_add(session.context(), count, session.report(std::to_string(count)));
  }
}

void time(Session& session) {
  const Context& context = session.context();
  const ModelConfig& model = session.settings().model;
  const auto time_network = [&](const char* name, std::int64_t count) {
    // Tiny against y, which stays as it is however often it is added.
    const auto x = DeviceTensor::random(context, {count}, DType::f32, 1e-12);
    const auto y = DeviceTensor::random(context, {count}, DType::f32);
    const auto elements = static_cast<double>(count);
    session.time({name, {count}, elements, 3 * sizeof(float) * elements, 0, "", ""},
                 [&] { add_in_place(context, x.view(), y.view()); });
  };
  time_network("G gradients", parameter_count(generator_blocks(model)));
  time_network("D gradients", parameter_count(discriminator_blocks(model)));
}

}  // namespace

Operation add_operation() {
  return {"add",
          {"kernels/elementwise/add.h"},
          "the sum of two tensors in place, of the size of a network's gradients",
          check,
          time};
}

}  // namespace dcgan::benchmarks
