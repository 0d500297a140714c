// Statistics, normalisation and activation in one operation, and its gradient, at every norm.
#include "kernels/norm/batch_norm.h"

#include "benchmarks/layers.h"
#include "benchmarks/operations/operations.h"
#include "tests/reference/batch_norm.h"

namespace dcgan::benchmarks {
namespace {

/// The tensors of one norm: parameters and statistics as after some training.
struct NormTensors {
  DeviceTensor x, dy, y, dx;
  DeviceTensor weight, bias, running_mean, running_var, tracked;
  DeviceTensor mean, invstd, dweight, dbias, scratch;

  /// x and dy are the caller's to give.
  NormTensors(const Context& context, const Shape& shape, DType dtype,
              const reference::BatchNormState& state, int groups)
      : y(context, shape, dtype),
        dx(context, shape, dtype),
        weight(context, state.weight, DType::f32),
        bias(context, state.bias, DType::f32),
        running_mean(context, state.running_mean, DType::f32),
        running_var(context, state.running_var, DType::f32),
        tracked(context, {1}, DType::i64),
        mean(context, {groups, state.weight.elements()}, DType::f32),
        invstd(context, {groups, state.weight.elements()}, DType::f32),
        dweight(context, state.weight.shape, DType::f32),
        dbias(context, state.weight.shape, DType::f32),
        scratch(context, {batch_norm_scratch_elements(context, shape, groups)}, DType::f32) {}

  BatchNormParameters parameters() const { return {weight.view(), bias.view()}; }
  BatchNormRunning running() const {
    return {running_mean.view(), running_var.view(), tracked.view()};
  }
  BatchNormSaved saved() const { return {mean.view(), invstd.view()}; }

  void train_forward(const Context& context, const BatchNormOptions& options) const {
    batch_norm_train_forward(context, x.view(), parameters(), running(), y.view(), saved(),
                             scratch.view(), options);
  }
  void eval_forward(const Context& context, const BatchNormOptions& options) const {
    batch_norm_eval_forward(context, x.view(), parameters(), running(), y.view(), options);
  }
  void backward(const Context& context, const BatchNormOptions& options) const {
    batch_norm_backward(
        context,
        {x.view(), parameters(), saved(), dy.view(), dx.view(), dweight.view(), dbias.view()},
        scratch.view(), options);
  }
};

reference::BatchNormState random_state(std::int64_t channels) {
  reference::BatchNormState state{reference::random_values({channels}, 10, DType::f32, 1.0, 0.02),
                                  reference::random_values({channels}, 11, DType::f32, 0.0, 0.1),
                                  reference::random_values({channels}, 12, DType::f32, 0.0, 0.1),
                                  Values({channels})};
  for (double& var : state.running_var.v) var = 1;
  return state;
}

std::vector<Layer> normed_layers(const Session& session) {
  std::vector<Layer> layers = step_layers(session.settings().model, session.settings().batch);
  std::erase_if(layers, [](const Layer& layer) { return layer.block.norm == Norm::none; });
  return layers;
}

void check_norm(Session& session, const Layer& layer) {
  const Context& context = session.context();
  const DType dtype = session.settings().dtype();
  const Shape& shape = layer.output;
  const BatchNormOptions options{layer.block.activation, layer.norm_groups};
  const Values x = reference::random_values(shape, 1, dtype, 0.5);
  const Values dy = reference::random_values(shape, 2, dtype);
  reference::BatchNormState state = random_state(shape[3]);
  NormTensors on(context, shape, dtype, state, options.groups);
  on.x = DeviceTensor(context, x, dtype);
  on.dy = DeviceTensor(context, dy, dtype);
  const Values evaluated = reference::batch_norm_eval(x, state, options);
  on.eval_forward(context, options);
  // Two sums of a group stand between input and output, and dx is what two means leave of dy.
  const double bound =
      4 * rounding_bound(session.settings().precision, x.elements() / shape[3] / options.groups);
  session.compare(layer.name + " eval", on.y.read(context), evaluated, bound);

  const auto forward = reference::batch_norm_train(x, state, options);
  const auto gradients = reference::batch_norm_gradients(x, dy, state, forward, options);
  on.train_forward(context, options);
  on.backward(context, options);
  session.compare(layer.name + " forward", on.y.read(context), forward.y, bound);
  session.compare(layer.name + " running var", on.running_var.read(context), state.running_var,
                  4 * rounding_bound(Precision::fp32, x.elements()));
  session.compare(layer.name + " backward", on.dx.read(context), gradients.dx, bound);
  session.compare(layer.name + " weights", on.dweight.read(context), gradients.dweight,
                  4 * rounding_bound(Precision::fp32, x.elements()));
}

void check(Session& session) {
  for (const Layer& layer : normed_layers(session)) {
    if (layer.weight_gradient > 0) check_norm(session, reduced(layer));  // D fake: as D both
  }
}

void time(Session& session) {
  const Context& context = session.context();
  const DType dtype = session.settings().dtype();
  for (const Layer& layer : normed_layers(session)) {
    const BatchNormOptions options{layer.block.activation, layer.norm_groups};
    NormTensors on(context, layer.output, dtype, random_state(layer.output[3]), options.groups);
    on.x = DeviceTensor::random(context, layer.output, dtype, 1.0, 0.5);
    on.dy = DeviceTensor::random(context, layer.output, dtype);
    const auto bytes = static_cast<double>(on.x.view().bytes());
    const auto call = [&](const char* name, double tensors, int per_step) {
      return Call{layer.name + " " + name, layer.output, 0, tensors * bytes, per_step, "", ""};
    };
    session.time(call("forward", 2, 1), [&] { on.train_forward(context, options); });
    session.time(call("backward", 3, 1), [&] { on.backward(context, options); });
    session.time(call("eval", 2, 0), [&] { on.eval_forward(context, options); });
  }
}

}  // namespace

Operation batch_norm_operation() {
  return {"batch_norm",
          {"kernels/batch_norm.h"},
          "statistics + normalise + activation, its gradient, and evaluation",
          check,
          time};
}

}  // namespace dcgan::benchmarks
