#include "benchmarks/conv_layers.h"

#include <algorithm>

#include "benchmarks/conv_samples.h"
#include "tests/cases/conv.h"
#include "tests/reference/activation.h"
#include "tests/reference/tolerance.h"

namespace dcgan::benchmarks {
namespace {

constexpr double kWeightSigma = 0.02;  // as networks are initialised
constexpr int kSamples = 48;
// An output whose activation has the derivative 1 (slopes of positive values, 1 - y^2), so that a
// plan that multiplies dy in place can be called again and again without dy dying out.
constexpr double kNeutralOutput = 1e-20;

struct Plan {
  ConvConfig config;
  std::unique_ptr<ConvPlan> plan;
  Buffer workspace;

  TensorView scratch() const {
    return {workspace.data(), {static_cast<std::int64_t>(workspace.bytes())}, DType::u8};
  }
};

ConvConfig config_of(const Session& session, const Layer& layer, ConvTuning tuning) {
  const bool normed = layer.block.norm == Norm::batch;
  const bool tf32 = session.settings().precision == Precision::tf32;
  return {layer.block.conv, normed ? ActivationSpec{} : layer.block.activation,
          layer.input,      session.settings().dtype(),
          /*passes=*/{},    {tf32, tuning}};
}

/// candidate: null: what plan_convolution chooses.
Plan make_plan(const Session& session, const Layer& layer, ConvTuning tuning,
               const ConvCandidate* candidate = nullptr) {
  Plan made;
  made.config = config_of(session, layer, tuning);
  made.plan = candidate != nullptr ? candidate->make(session.context(), made.config)
                                   : plan_convolution(session.context(), made.config);
  std::size_t workspace_bytes = 0;
  for (const auto& [name, pass] : enum_table(ConvPass{})) {
    workspace_bytes = std::max(workspace_bytes, made.plan->workspace_bytes(pass));
  }
  made.workspace = Buffer(session.context(), workspace_bytes);
  return made;
}

/// An activation in a second pass rounds once more.
double passes(const ConvConfig& config) {
  return config.activation.kind == Activation::none ? 1.0 : 2.0;
}

struct Bounds {
  double forward, data_gradient, weight_gradient;
};

Bounds bounds_of(const Layer& layer, const ConvConfig& config) {
  const ConvSpec& spec = layer.block.conv;
  const std::int64_t window = std::int64_t{spec.kernel} * spec.kernel;
  const std::int64_t places = std::max(layer.input.elements() / spec.in_channels,
                                       layer.output.elements() / spec.out_channels);
  const auto bound = [&](std::int64_t terms) {
    return passes(config) * reference::tolerance(config.dtype, terms,
                                                 config.policy.allow_tf32
                                                     ? reference::Factors::tf32
                                                     : reference::Factors::as_stored);
  };
  return {bound(window * spec.in_channels), bound(window * spec.out_channels), bound(places)};
}

/// A GPU's plans are tuned where several algorithms fit.
std::vector<ConvTuning> tunings_of(const Session& session) {
  if (session.context().is_cuda()) return session.settings().tunings;
  return {ConvTuning::off};
}

bool contains(std::initializer_list<ConvClass> classes, ConvClass one) {
  return std::find(classes.begin(), classes.end(), one) != classes.end();
}

/// choice: how the plan was chosen.
void time_layer(Session& session, const Layer& layer, const Plan& made, const std::string& choice,
                bool in_step) {
  const Context& context = session.context();
  const DType dtype = made.config.dtype;
  const ConvSpec& spec = layer.block.conv;
  const ActivationSpec& activation = made.config.activation;
  const auto x = DeviceTensor::random(context, layer.input, dtype);
  const auto weights = DeviceTensor::random(context, spec.weight_shape(), dtype, kWeightSigma);
  const auto dy = DeviceTensor::random(context, layer.output, dtype);
  const auto neutral = DeviceTensor::constant(context, layer.output, dtype, kNeutralOutput);
  const DeviceTensor y(context, layer.output, dtype), dx(context, layer.input, dtype);
  const DeviceTensor dweights(context, spec.weight_shape(), DType::f32);

  const auto call = [&](const char* product, int per_step, double bytes) {
    return Call{layer.name + " " + product,
                layer.input,
                2.0 * static_cast<double>(spec.multiply_accumulates(layer.input)),
                bytes,
                in_step ? per_step : 0,
                choice,
                made.plan->describe()};
  };
  const auto bytes = [](const DeviceTensor& tensor) {
    return static_cast<double>(tensor.view().bytes());
  };
  const double output = activation.kind == Activation::none ? 0 : bytes(neutral);
  const ConvBackward backward{x.view(),  weights.view(),  neutral.view(), dy.view(),
                              dx.view(), dweights.view(), made.scratch()};
  session.time(call("forward", layer.forward, bytes(x) + bytes(weights) + bytes(y)), [&] {
    made.plan->forward(context, {x.view(), weights.view(), y.view(), made.scratch()});
  });
  session.time(call("data", layer.data_gradient, bytes(dy) + output + bytes(weights) + bytes(dx)),
               [&] {
                 made.plan->activation_backward(context, backward);
                 made.plan->backward_data(context, backward);
               });
  session.time(
      call("weights", layer.weight_gradient, bytes(dy) + output + bytes(x) + bytes(dweights)), [&] {
        made.plan->activation_backward(context, backward);
        made.plan->backward_weights(context, backward);
      });

  const Values x_read = x.read(context), weights_read = weights.read(context);
  const Values dy_read = dy.read(context);
  const ConvTensors tensors{x_read, weights_read, dy_read};
  const Bounds bounds = bounds_of(layer, made.config);
  Samples samples = sample_product(spec, Product::forward, tensors, y.read(context), kSamples);
  session.compare(layer.name + " forward, timed", samples.found,
                  reference::activate(activation, samples.exact), bounds.forward);
  samples = sample_product(spec, Product::data_gradient, tensors, dx.read(context), kSamples);
  session.compare(layer.name + " data, timed", samples.found, samples.exact, bounds.data_gradient);
  samples =
      sample_product(spec, Product::weight_gradient, tensors, dweights.read(context), kSamples);
  session.compare(layer.name + " weights, timed", samples.found, samples.exact,
                  bounds.weight_gradient);
}

}  // namespace

void check_layers(Session& session, std::initializer_list<ConvClass> classes) {
  const Settings& settings = session.settings();
  for (const test::ConvCase& one : test::conv_cases()) {
    ConvConfig config = one.config(settings.dtype());
    config.policy = conv_policy(settings.precision, ConvTuning::off);
    if (!contains(classes, class_of(underlying_of(config)))) continue;
    const auto plan = plan_convolution(session.context(), config);
    test::check_convolution(session.context(), config, *plan, session.report(to_string(one)));
  }
  for (const Layer& layer : step_layers(settings.model, settings.batch)) {
    // D fake: as D both.
    if (!contains(classes, layer.kind) || layer.weight_gradient == 0) continue;
    for (const ConvTuning tuning : tunings_of(session)) {
      const Plan made = make_plan(session, reduced(layer), tuning);
      test::check_convolution(session.context(), made.config, *made.plan,
                              session.report(layer.name));
    }
  }
}

void time_layers(Session& session, std::initializer_list<ConvClass> classes) {
  for (const Layer& layer : step_layers(session.settings().model, session.settings().batch)) {
    if (!contains(classes, layer.kind)) continue;
    const std::vector<ConvTuning> tunings = tunings_of(session);
    for (const ConvTuning tuning : tunings) {
      const bool on_gpu = session.context().is_cuda();
      time_layer(session, layer, make_plan(session, layer, tuning),
                 on_gpu ? std::string(enum_name(tuning)) : "",
                 /*in_step=*/tuning == tunings.back());
    }
  }
}

void time_own_kernels(Session& session, std::initializer_list<ConvClass> classes) {
  if (!session.context().is_cuda()) return;
  const std::vector<ConvCandidate>& candidates = conv_candidates(session.context());
  for (const Layer& layer : step_layers(session.settings().model, session.settings().batch)) {
    if (!contains(classes, layer.kind)) continue;
    const ConvConfig config = config_of(session, layer, ConvTuning::off);
    for (const ConvCandidate& candidate : candidates) {
      if (&candidate == &candidates.back() || !candidate.fits(session.context(), config)) continue;
      time_layer(session, layer, make_plan(session, layer, ConvTuning::off, &candidate),
                 std::string(candidate.name), /*in_step=*/false);
    }
  }
}

}  // namespace dcgan::benchmarks
