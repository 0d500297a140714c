#include "kernels/elementwise/activation_terms.h"
#include "tests/cases/elementwise.h"
#include "tests/kernels/support.h"

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
      for (const auto& [name, activation] : activation_cases()) {
        for (const std::int64_t count : elementwise_counts()) {
          check_activation(context, activation, count, dtype,
                           assertions(std::string(name) + " of " + std::to_string(count) + ", " +
                                      std::string(name_of(dtype)) + ", " + to_string(device)));
        }
      }
    }
  }
}

TEST_CASE("a bias is added to its channel, before the activation") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (const auto& [name, activation] : activation_cases()) {
        for (const Shape& shape : bias_cases()) {
          check_bias(context, activation, shape, dtype,
                     assertions(std::string(name) + " of " + to_string(shape) + ", " +
                                std::string(name_of(dtype)) + ", " + to_string(device)));
        }
      }
    }
  }
}

TEST_CASE("a bias of another length or type is refused; none is an activation alone") {
  const Context context(Device{});
  const GuardedTensor y(context, Values({2, 3}, {1, -2, 3, -4, 5, -6}), DType::f32);
  const GuardedTensor four(context, Shape{4}, DType::f32), half(context, Shape{3}, DType::bf16);
  const auto error = [&](ConstTensorView bias) {
    return thrown_by([&] { add_bias_and_activate(context, y.view(), bias, {Activation::relu}); })
        .message;
  };
  CHECK_THAT(error(four.view()), Contains("bias") && Contains("[4]"));
  CHECK_THAT(error(half.view()), Contains("bias") && Contains("bf16"));
  add_bias_and_activate(context, y.view(), {}, {Activation::relu});
  CHECK(y.read().v == std::vector<double>{1, 0, 3, 0, 5, 0});
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
