// Activations in a pass of their own, behind convolutions that have none inside.
#include "kernels/elementwise/activation.h"

#include "benchmarks/layers.h"
#include "benchmarks/operations/operations.h"
#include "tests/reference/activation.h"

namespace dcgan::benchmarks {
namespace {

struct Named {
  const char* name;
  ActivationSpec activation;
};
constexpr Named kActivations[] = {{"relu", {Activation::relu}},
                                  {"leaky_relu", {Activation::leaky_relu}},
                                  {"tanh", {Activation::tanh}}};

void check(Session& session) {
  const Context& context = session.context();
  const DType dtype = session.settings().dtype();
  constexpr std::int64_t kCount = 10'007;  // no multiple of any vector
  const double bound = rounding_bound(session.settings().precision, 1);
  for (const auto& [name, activation] : kActivations) {
    const Values x = reference::random_values({kCount}, 1, dtype);
    const Values dy = reference::random_values({kCount}, 2, dtype);
    const DeviceTensor y_on(context, x, dtype), dy_on(context, dy, dtype);
    activate_in_place(context, y_on.view(), activation);
    const Values y = y_on.read(context);
    session.compare(std::string(name) + " forward", y, reference::activate(activation, x), bound);
    activation_backward_in_place(context, y_on.view(), dy_on.view(), activation);
    Values expected = dy;
    for (std::int64_t i = 0; i < kCount; ++i) {
      expected[i] *= activation.kind == Activation::tanh  // from the stored output, as the contract
                         ? 1 - y[i] * y[i]
                         : reference::activation_derivative(activation, x[i]);
    }
    session.compare(std::string(name) + " backward", dy_on.read(context), expected, bound);
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
  const auto bytes = static_cast<double>(y.view().bytes());
  for (const auto& [name, activation] : kActivations) {
    session.time({std::string(name) + " forward", shape, 0, 2 * bytes, 0, "", ""},
                 [&, spec = activation] { activate_in_place(context, y.view(), spec); });
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
