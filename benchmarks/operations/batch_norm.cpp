// The steps of batch norm, forward and backward, at every norm.
#include "kernels/norm/batch_norm.h"

#include "benchmarks/layers.h"
#include "benchmarks/operations/operations.h"
#include "tests/reference/batch_norm.h"

namespace dcgan::benchmarks {
namespace {

constexpr std::int64_t kRanks = 8;  // whose statistics are gathered

/// The tensors of one norm: parameters and statistics as after some training.
struct NormTensors {
  DeviceTensor x, dy, y, dx;
  DeviceTensor weight, bias, running_mean, running_var, tracked;
  DeviceTensor mean, invstd, dweight, dbias;
  DeviceTensor statistics_memory, ranks_memory, sums_memory, totals_memory;
  int groups;
  std::int64_t parts;

  /// x and dy are the caller's to give.
  NormTensors(const Context& context, const Shape& shape, DType dtype,
              const reference::BatchNormState& state, int norm_groups)
      : y(context, shape, dtype),
        dx(context, shape, dtype),
        weight(context, state.weight, DType::f32),
        bias(context, state.bias, DType::f32),
        running_mean(context, state.running_mean, DType::f32),
        running_var(context, state.running_var, DType::f32),
        tracked(context, {1}, DType::i64),
        mean(context, {norm_groups, state.weight.elements()}, DType::f32),
        invstd(context, {norm_groups, state.weight.elements()}, DType::f32),
        dweight(context, state.weight.shape, DType::f32),
        dbias(context, state.weight.shape, DType::f32),
        groups(norm_groups),
        parts(batch_norm_parts(context, shape, dtype, groups)) {
    const std::int64_t channels = shape[3];
    statistics_memory = memory(context, BatchNormStatistics::elements(groups, parts, channels));
    ranks_memory = memory(context, BatchNormStatistics::elements(groups, kRanks, channels));
    sums_memory = memory(context, BatchNormSums::elements(groups, parts, channels));
    totals_memory = memory(context, BatchNormSums::elements(groups, 1, channels));
  }

  static DeviceTensor memory(const Context& context, std::int64_t elements) {
    return {context, {elements}, DType::f32};
  }
  std::int64_t channels() const { return x.view().shape[3]; }
  std::int64_t count() const { return x.view().elements() / channels() / groups; }
  BatchNormParameters parameters() const { return {weight.view(), bias.view()}; }
  BatchNormRunning running() const {
    return {running_mean.view(), running_var.view(), tracked.view()};
  }
  BatchNormSaved saved() const { return {mean.view(), invstd.view()}; }
  BatchNormStatistics statistics() const {
    return BatchNormStatistics::in(statistics_memory.view(), groups, parts, channels());
  }
  BatchNormStatistics of_ranks() const {
    return BatchNormStatistics::in(ranks_memory.view(), groups, kRanks, channels());
  }
  BatchNormSums sums() const {
    return BatchNormSums::in(sums_memory.view(), groups, parts, channels());
  }
  BatchNormSums totals() const {
    return BatchNormSums::in(totals_memory.view(), groups, 1, channels());
  }
  BatchNormApply apply_tensors() const { return {x.view(), parameters(), saved(), y.view()}; }
  BatchNormInference inference_tensors() const {
    return {x.view(), parameters(), running(), y.view()};
  }
  BatchNormBackward backward_tensors() const {
    return {x.view(), parameters(), saved(), dy.view(), dx.view(), dweight.view(), dbias.view()};
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
  batch_norm_inference(context, on.inference_tensors(), options);
  // Two sums of a group stand between input and output, and dx is what two means leave of dy.
  const double bound =
      4 * rounding_bound(session.settings().precision, x.elements() / shape[3] / options.groups);
  session.compare(layer.name + " inference", on.y.read(context), evaluated, bound);

  const auto forward = reference::batch_norm_train(x, state, options);
  const auto gradients = reference::batch_norm_gradients(x, dy, state, forward, options);
  // As one of several ranks, the parts of the others being empty.
  batch_norm_statistics(context, on.x.view(), on.statistics(), options);
  batch_norm_merge(context, on.statistics(), on.of_ranks(), kRanks - 1);
  batch_norm_finish(context, on.of_ranks(), on.running(), on.saved(), options);
  batch_norm_apply(context, on.apply_tensors(), options);
  batch_norm_backward_sums(context, on.backward_tensors(), on.sums(), options);
  batch_norm_backward_finish(context, on.backward_tensors(), on.sums(), on.totals(), options);
  batch_norm_backward_apply(context, on.backward_tensors(), on.totals(), on.count(), options);
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

/// Additions, multiplications and comparisons of one value in each pass over memory.
constexpr double kStatisticsFlops = 5;     // two differences, a sum, a square and its sum
constexpr double kApplyFlops = 5;          // difference, scale, bias, activation
constexpr double kBackwardSumsFlops = 8;   // as apply, then g, its sum, the moment and its sum
constexpr double kBackwardApplyFlops = 9;  // as apply, then g and three terms
constexpr double kMergeFlops = 10;         // of one channel of one part
constexpr double kAddFlops = 2;            // of one channel of one part: two sums

void time_norm(Session& session, const Layer& layer) {
  const Context& context = session.context();
  const DType dtype = session.settings().dtype();
  const BatchNormOptions options{layer.block.activation, layer.norm_groups};
  NormTensors on(context, layer.output, dtype, random_state(layer.output[3]), options.groups);
  on.x = DeviceTensor::random(context, layer.output, dtype, 1.0, 0.5);
  on.dy = DeviceTensor::random(context, layer.output, dtype);
  const auto values = static_cast<double>(on.x.view().elements());
  const auto tensor = static_cast<double>(on.x.view().bytes());
  const auto over_memory = [&](const char* name, double flops, double tensors, int per_step) {
    return Call{
        layer.name + " " + name, layer.output, flops * values, tensors * tensor, per_step, "", ""};
  };
  const auto over_parts = [&](const char* name, double flops, const TensorView& memory,
                              std::int64_t parts, int per_step) {
    const auto sets = static_cast<double>(on.groups * parts * on.channels());
    return Call{layer.name + " " + name,
                layer.output,
                flops * sets,
                static_cast<double>(memory.bytes()),
                per_step,
                "",
                ""};
  };
  const BatchNormBackward backward = on.backward_tensors();
  session.time(over_memory("statistics", kStatisticsFlops, 1, 1),
               [&] { batch_norm_statistics(context, on.x.view(), on.statistics(), options); });
  session.time(over_parts("finish", kMergeFlops, on.statistics_memory.view(), on.parts, 1), [&] {
    batch_norm_finish(context, on.statistics(), on.running(), on.saved(), options);
  });
  session.time(over_memory("apply", kApplyFlops, 2, 1),
               [&] { batch_norm_apply(context, on.apply_tensors(), options); });
  session.time(over_memory("backward sums", kBackwardSumsFlops, 2, 1),
               [&] { batch_norm_backward_sums(context, backward, on.sums(), options); });
  session.time(over_parts("backward finish", kAddFlops, on.sums_memory.view(), on.parts, 1), [&] {
    batch_norm_backward_finish(context, backward, on.sums(), on.totals(), options);
  });
  session.time(over_memory("backward apply", kBackwardApplyFlops, 3, 1), [&] {
    batch_norm_backward_apply(context, backward, on.totals(), on.count(), options);
  });
  session.time(over_memory("inference", kApplyFlops, 2, 0),
               [&] { batch_norm_inference(context, on.inference_tensors(), options); });
  session.time(over_parts("merge", kMergeFlops, on.statistics_memory.view(), on.parts, 0),
               [&] { batch_norm_merge(context, on.statistics(), on.of_ranks()); });
}

void time(Session& session) {
  for (const Layer& layer : normed_layers(session)) time_norm(session, layer);
}

}  // namespace

Operation batch_norm_operation() {
  return {"batch_norm",
          {"kernels/norm/batch_norm.h"},
          "statistics, finish, apply (with the activation), merge, and the backward direction",
          check,
          time};
}

}  // namespace dcgan::benchmarks
