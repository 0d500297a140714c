#include "kernels/elementwise/activation.h"

#include "kernels/elementwise/activation_terms.h"
#include "tests/kernels/support.h"
#include "tests/reference/activation.h"

namespace dcgan::test {
namespace {

Values applied(const Context& context, const Values& x, DType dtype,
               const ActivationSpec& activation) {
  const GuardedTensor y(context, x, dtype);
  activate_in_place(context, y.view(), activation);
  context.synchronize();
  CHECK(y.guards_intact());
  return y.read();
}

void compare(const Context& context, std::int64_t count, DType dtype,
             const ActivationSpec& activation) {
  INFO(count << " values, " << name_of(dtype) << ", " << to_string(context.device()));
  Values x = reference::random_values({count}, 1, dtype);
  x[count / 2] = 0.0;
  const Values y = applied(context, x, dtype, activation);
  CHECK(reference::relative_l2(y, reference::activate(activation, x)) < tolerance(dtype, 1));

  const Values dy = reference::random_values({count}, 2, dtype);
  const GuardedTensor y_on(context, y, dtype), dy_on(context, dy, dtype);
  activation_backward_in_place(context, y_on.view(), dy_on.view(), activation);
  context.synchronize();
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

}  // namespace

TEST_CASE("the vectorised tanh is within 3 ulp everywhere") {
  // Both signs, from the smallest normal number to saturation, 400 a factor of two.
  std::vector<double> points{0.0, -0.0, 0.625, -0.625};
  for (double x = 1.2e-38; x < 100; x *= 1.0017) {
    points.push_back(static_cast<float>(x));
    points.push_back(static_cast<float>(-x));
  }
  const Values x({static_cast<std::int64_t>(points.size())}, points);
  const Values y = applied(Context(Device{}), x, DType::f32, {Activation::tanh});
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const double exact = std::tanh(x[i]);
    const double ulp = std::ldexp(1.0, std::ilogb(std::max(std::fabs(exact), 1.2e-38)) - 23);
    INFO("x " << x[i] << ", got " << y[i] << ", exact " << exact);
    REQUIRE(std::fabs(y[i] - exact) <= 3 * ulp);
    REQUIRE(std::signbit(y[i]) == std::signbit(x[i]));
  }
}

TEST_CASE("tanh of infinity is one and of NaN is NaN") {
  for (const Device device : devices_under_test()) {
    const Values x({3}, {INFINITY, -INFINITY, NAN});
    const Values y = applied(Context(device), x, DType::f32, {Activation::tanh});
    CHECK(y[0] == 1.0);
    CHECK(y[1] == -1.0);
    CHECK(std::isnan(y[2]));
  }
}

TEST_CASE("activations and their derivatives over tensors equal the scalar definitions") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (const std::int64_t count : {1, 7, 33, 40'001}) {
        for (const ActivationSpec& activation :
             {ActivationSpec{Activation::none}, ActivationSpec{Activation::relu},
              ActivationSpec{Activation::leaky_relu, 0.2f}, ActivationSpec{Activation::tanh}}) {
          compare(context, count, dtype, activation);
        }
      }
    }
  }
}

TEST_CASE("an activation says what does not fit") {
  const Context context(Device{});
  const GuardedTensor three(context, Shape{3}, DType::f32), four(context, Shape{4}, DType::f32);
  const GuardedTensor bytes(context, Shape{3}, DType::u8);
  const ActivationSpec relu{Activation::relu};
  CHECK_THAT(thrown_by([&] { activate_in_place(context, bytes.view(), relu); }).message,
             Contains("y holds u8"));
  const auto backward_error = [&](ConstTensorView y, TensorView dy) {
    return thrown_by([&] { activation_backward_in_place(context, y, dy, relu); }).message;
  };
  CHECK_THAT(backward_error(four.view(), three.view()), Contains("activation_backward_in_place"));
  CHECK_THAT(backward_error({}, three.view()), Contains("y is missing"));
  CHECK_THAT(backward_error(three.view(), three.view()), Contains("share memory"));
  CHECK_NOTHROW(activation_backward_in_place(context, /*y=*/{}, three.view(), {Activation::none}));
}

TEST_CASE("the derivative at zero is the left one") {
  CHECK(activation_derivative<Activation::relu>(0.0f, 0.2f) == 0.0f);
  CHECK(activation_derivative<Activation::leaky_relu>(0.0f, 0.2f) == 0.2f);
}

}  // namespace dcgan::test
