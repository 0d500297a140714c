// The sum of two tensors in place, as gradients are accumulated.
#include "kernels/elementwise/add.h"

#include "benchmarks/operations/operations.h"
#include "models/networks/blocks.h"

namespace dcgan::benchmarks {
namespace {

void check(Session& session) {
  const Context& context = session.context();
  constexpr std::int64_t kCount = 10'007;  // no multiple of any vector
  const Values x = reference::random_values({kCount}, 1, DType::f32);
  const Values y = reference::random_values({kCount}, 2, DType::f32);
  const DeviceTensor x_on(context, x, DType::f32), y_on(context, y, DType::f32);
  add_in_place(context, x_on.view(), y_on.view());
  Values expected({kCount});
  for (std::int64_t i = 0; i < kCount; ++i) expected[i] = static_cast<float>(x[i] + y[i]);
  session.compare_exactly("sum", y_on.read(context), expected);
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
