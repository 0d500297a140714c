// Activations in a pass of their own, behind convolutions that have none inside.
#include "kernels/elementwise/activation.h"

#include "benchmarks/layers.h"
#include "benchmarks/operations/operations.h"
#include "tests/cases/elementwise.h"

namespace dcgan::benchmarks {
namespace {

void check(Session& session) {
  for (const auto& [name, activation] : test::activation_cases()) {
    for (const std::int64_t count : test::elementwise_counts()) {
      test::check_activation(session.context(), activation, count, session.settings().dtype(),
                             session.report(std::string(name) + " of " + std::to_string(count)));
    }
    for (const Shape& shape : test::bias_cases()) {
      test::check_bias(session.context(), activation, shape, session.settings().dtype(),
                       session.report(std::string(name) + " with bias of " + to_string(shape)));
    }
  }
}

// Of the discriminator's first features: the largest tensor that such a pass could meet.
void time(Session& session) {
  const Context& context = session.context();
  const Settings& settings = session.settings();
  const std::int64_t half = settings.model.image_size / 2;
  const Shape shape{2 * settings.batch, half, half, settings.model.ndf};
  // Small and positive: slopes and derivatives are 1 and tanh keeps it, however often it is
  // applied.
  const auto y = DeviceTensor::constant(context, shape, settings.dtype(), 1e-20);
  const auto dy = DeviceTensor::random(context, shape, settings.dtype());
  const auto bias = DeviceTensor::constant(context, {shape[3]}, DType::f32, 0.0);
  const auto bytes = static_cast<double>(y.view().bytes());
  for (const auto& [name, activation] : test::activation_cases()) {
    if (activation.kind == Activation::none) continue;
    session.time({std::string(name) + " forward", shape, 0, 2 * bytes, 0, "", ""},
                 [&, spec = activation] { activate_in_place(context, y.view(), spec); });
    session.time(
        {std::string(name) + " with bias", shape, 0, 2 * bytes, 0, "", ""},
        [&, spec = activation] { add_bias_and_activate(context, y.view(), bias.view(), spec); });
    session.time({std::string(name) + " backward", shape, 0, 3 * bytes, 0, "", ""},
                 [&, spec = activation] {
                   activation_backward_in_place(context, y.view(), dy.view(), spec);
                 });
  }
}

}  // namespace

Operation activation_operation() {
  return {"activation",
          {"kernels/elementwise/activation.h"},
          "relu, leaky relu and tanh in place, and their gradients",
          check,
          time};
}

}  // namespace dcgan::benchmarks
