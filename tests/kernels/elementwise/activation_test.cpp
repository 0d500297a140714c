#include "kernels/elementwise/activation.h"

#include "kernels/elementwise/cpu/activation.h"
#include "tests/kernels/support.h"
#include "tests/reference/activation.h"

namespace dcgan::test {
namespace {

Values applied(const Values& x, DType dtype, const ActivationSpec& activation) {
  const Context context(Device{});
  const GuardedTensor y(context, x, dtype);
  cpu::apply_activation(y.view(), activation);
  CHECK(y.guards_intact());
  return y.read();
}

}  // namespace

TEST_CASE("the vectorised tanh is within 3 ulp everywhere") {
  // Both signs, from the smallest normal number to saturation, 400 a factor of two.
  std::vector<double> points{0.0, -0.0, 0.625, -0.625};
  for (double x = 1.2e-38; x < 100; x *= 1.0017) {
    points.push_back(static_cast<float>(x));
    points.push_back(static_cast<float>(-x));
  }
  const Values x({static_cast<std::int64_t>(points.size())}, points);
  const Values y = applied(x, DType::f32, {Activation::tanh});
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const double exact = std::tanh(x[i]);
    const double ulp = std::ldexp(1.0, std::ilogb(std::max(std::fabs(exact), 1.2e-38)) - 23);
    INFO("x " << x[i] << ", got " << y[i] << ", exact " << exact);
    REQUIRE(std::fabs(y[i] - exact) <= 3 * ulp);
    REQUIRE(std::signbit(y[i]) == std::signbit(x[i]));
  }
}

TEST_CASE("tanh of infinity is one and of NaN is NaN") {
  const Values y = applied(Values({3}, {INFINITY, -INFINITY, NAN}), DType::f32, {Activation::tanh});
  CHECK(y[0] == 1.0);
  CHECK(y[1] == -1.0);
  CHECK(std::isnan(y[2]));
}

TEST_CASE("activations and their derivatives over tensors equal the scalar definitions") {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    for (const std::int64_t count : {1, 7, 33, 40'001}) {
      Values x = reference::random_values({count}, 1, dtype);
      x[count / 2] = 0.0;
      for (const ActivationSpec& activation :
           {ActivationSpec{Activation::none}, ActivationSpec{Activation::relu},
            ActivationSpec{Activation::leaky_relu, 0.2f}, ActivationSpec{Activation::tanh}}) {
        const Values y = applied(x, dtype, activation);
        CHECK(reference::relative_l2(y, reference::activate(activation, x)) < tolerance(dtype, 1));

        const Context context(Device{});
        const Values dy = reference::random_values({count}, 2, dtype);
        const GuardedTensor y_on(context, y, dtype), dy_on(context, dy, dtype);
        cpu::apply_activation_derivative(y_on.view(), dy_on.view(), activation);
        Values expected = dy;
        for (std::int64_t i = 0; i < count; ++i) {
          // tanh: from the stored y, as the operation; else from x, which has the sign of y.
          expected[i] *= activation.kind == Activation::tanh
                             ? 1 - y[i] * y[i]
                             : reference::activation_derivative(activation, x[i]);
        }
        CHECK(reference::relative_l2(dy_on.read(), expected) < tolerance(dtype, 1));
        CHECK(dy_on.guards_intact());
      }
    }
  }
}

TEST_CASE("the derivative at zero is the left one") {
  CHECK(activation_derivative<Activation::relu>(0.0f, 0.2f) == 0.0f);
  CHECK(activation_derivative<Activation::leaky_relu>(0.0f, 0.2f) == 0.2f);
}

}  // namespace dcgan::test
