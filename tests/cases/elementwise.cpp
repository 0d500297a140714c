#include "tests/cases/elementwise.h"

#include <cmath>

#include "kernels/elementwise/add.h"
#include "kernels/elementwise/convert.h"
#include "tests/reference/activation.h"
#include "tests/reference/tolerance.h"

namespace dcgan::test {
namespace {

// dy times the derivative; tanh: from the stored y, as the operation; else from x, which has the
// sign of y.
Values expected_gradient(const ActivationSpec& activation, const Values& x, const Values& y,
                         Values dy) {
  for (std::int64_t i = 0; i < dy.elements(); ++i) {
    dy[i] *= activation.kind == Activation::tanh
                 ? 1 - y[i] * y[i]
                 : reference::activation_derivative(activation, x[i]);
  }
  return dy;
}

}  // namespace

std::vector<std::int64_t> elementwise_counts() { return {1, 3, 5, 7, 33, 1000, 10'007, 40'001}; }

std::vector<ActivationCase> activation_cases() {
  return {{"none", {Activation::none}},
          {"relu", {Activation::relu}},
          {"leaky_relu", {Activation::leaky_relu, 0.2f}},
          {"tanh", {Activation::tanh}}};
}

void check_activation(const Context& context, const ActivationSpec& activation, std::int64_t count,
                      DType dtype, const Report& report) {
  Values x = reference::random_values({count}, 1, dtype);
  x[count / 2] = 0.0;
  const Values dy = reference::random_values({count}, 2, dtype);
  const GuardedTensor y_on(context, x, dtype), dy_on(context, dy, dtype);
  activate_in_place(context, y_on.view(), activation);
  const Values y = y_on.read();
  // A few operations on one element.
  const double bound = reference::tolerance(dtype, 1);
  report(relative("y", y, reference::activate(activation, x), bound));
  activation_backward_in_place(context, y_on.view(), dy_on.view(), activation);
  report(relative("dy", dy_on.read(), expected_gradient(activation, x, y, dy), bound));
  report(exactly("y after backward", y_on.read(), y));
  report(guard_bytes({&y_on, &dy_on}));
}

std::vector<Shape> bias_cases() {
  return {{1, 1},    {7, 3},    {5, 24},     {33, 64}, {100, 7},
          {1000, 3}, {3, 2000}, {200, 1000}, {9, 5008}};
}

void check_bias(const Context& context, const ActivationSpec& activation, const Shape& shape,
                DType dtype, const Report& report) {
  const Values x = reference::random_values(shape, 1, dtype);
  const Values bias = reference::random_values({shape[1]}, 2, DType::f32);
  const GuardedTensor y_on(context, x, dtype), bias_on(context, bias, DType::f32);
  add_bias_and_activate(context, y_on.view(), bias_on.view(), activation);
  Values expected = x;
  for (std::int64_t i = 0; i < x.elements(); ++i) expected[i] += bias[i % shape[1]];
  report(relative("y", y_on.read(), reference::activate(activation, expected),
                  reference::tolerance(dtype, 1)));
  report(exactly("bias", bias_on.read(), bias));
  report(guard_bytes({&y_on, &bias_on}));
}

void check_add(const Context& context, std::int64_t count, const Report& report) {
  const Values x = reference::random_values({count}, 1, DType::f32);
  const Values y = reference::random_values({count}, 2, DType::f32, 0.0, 1e-3);
  const GuardedTensor x_on(context, x, DType::f32), y_on(context, y, DType::f32);
  add_in_place(context, x_on.view(), y_on.view());
  // The sum of two floats rounded to double and then to float is the float nearest to the exact
  // sum: double has more than twice the bits (Figueroa 1995).
  Values sum({count});
  for (std::int64_t i = 0; i < count; ++i) sum[i] = static_cast<float>(x[i] + y[i]);
  report(exactly("sum", y_on.read(), sum));
  report(exactly("x", x_on.read(), x));
  report(guard_bytes({&x_on, &y_on}));
}

std::vector<Shape> layout_cases() {
  return {{2, 3, 5, 7}, {1, 1, 4, 4}, {7, 64, 1, 1}, {2, 33, 8, 5}, {3, 17, 7, 16}, {3, 5, 7, 6}};
}

void check_layouts(const Context& context, const Shape& channels_first, const Report& report) {
  const Shape& first = channels_first;
  const Values x = reference::random_values(first, 1);
  Values last({first[0], first[2], first[3], first[1]});
  for (std::int64_t n = 0; n < first[0]; ++n)
    for (std::int64_t c = 0; c < first[1]; ++c)
      for (std::int64_t h = 0; h < first[2]; ++h)
        for (std::int64_t w = 0; w < first[3]; ++w) last.at(n, h, w, c) = x.at(n, c, h, w);
  const GuardedTensor x_on(context, x, DType::f32), y(context, last.shape, DType::f32);
  const GuardedTensor back(context, first, DType::f32);
  to_channels_last(context, x_on.view(), y.view());
  to_channels_first(context, y.view(), back.view());
  report(exactly("channels last", y.read(), last));
  report(exactly("channels first again", back.read(), x));
  report(guard_bytes({&x_on, &y, &back}));
}

void check_type_conversion(const Context& context, std::int64_t count, const Report& report) {
  const Values x = reference::random_values({count}, 1);
  const GuardedTensor x_on(context, x, DType::f32), low(context, x.shape, DType::bf16);
  const GuardedTensor back(context, x.shape, DType::f32);
  convert_type(context, x_on.view(), low.view());
  convert_type(context, low.view(), back.view());
  const Values rounded = reference::stored_as(DType::bf16, x);
  report(exactly("bf16", low.read(), rounded));
  report(exactly("float32 again", back.read(), rounded));
  report(guard_bytes({&x_on, &low, &back}));
}

}  // namespace dcgan::test
