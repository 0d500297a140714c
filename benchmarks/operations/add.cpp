// Adding gradients to those of an earlier pass.
#include "kernels/elementwise/add.h"

#include "benchmarks/operations/operations.h"
#include "models/networks/blocks.h"

namespace dcgan::benchmarks {
namespace {

void check(Session& session) {
  const Context& context = session.context();
  constexpr std::int64_t kCount = 10'007;
  const Values x = reference::random_values({kCount}, 1), y = reference::random_values({kCount}, 2);
  Values expected(x.shape);
  for (std::int64_t i = 0; i < kCount; ++i) {
    expected[i] = reference::stored_as(DType::f32, x[i] + y[i]);
  }
  const DeviceTensor x_on(context, x, DType::f32), y_on(context, y, DType::f32);
  add_in_place(context, x_on.view(), y_on.view());
  session.compare_exactly("add", y_on.read(context), expected);
}

void time(Session& session) {
  const Context& context = session.context();
  const ModelConfig& model = session.settings().model;
  const auto time_network = [&](const char* name, std::int64_t count) {
    const auto x = DeviceTensor::constant(context, {count}, DType::f32, 0.0);
    const auto y = DeviceTensor::random(context, {count}, DType::f32, 1e-3);
    session.time({name, {count}, 0, 3 * static_cast<double>(y.view().bytes()), 0, "", ""},
                 [&] { add_in_place(context, x.view(), y.view()); });
  };
  time_network("G gradients", parameter_count(generator_blocks(model)));
  time_network("D gradients", parameter_count(discriminator_blocks(model)));
}

}  // namespace

Operation add_operation() {
  return {"add", {"kernels/elementwise/add.h"}, "sums of two tensors, in place", check, time};
}

}  // namespace dcgan::benchmarks
