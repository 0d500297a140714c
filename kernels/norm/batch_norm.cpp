#include "kernels/norm/batch_norm.h"

#include "kernels/common/checks.h"
#include "kernels/norm/batch_norm_variants.h"
#include "runtime/base/build_config.h"

namespace dcgan {
namespace {

constexpr const char* kName = "batch_norm";

void check_image(const char* argument, ConstTensorView view) {
  checks::dtype(kName, argument, view, {DType::f32, DType::bf16});
  DCGAN_CHECK(view.shape.rank() == 4 && view.elements() > 0,
              "{}: {} has shape {}, expected (N, H, W, C), none of them 0", kName, argument,
              to_string(view.shape));
}

void check_f32(const char* argument, ConstTensorView view, const Shape& shape) {
  checks::tensor(kName, argument, view, DType::f32, shape);
}

void check_parameters(const BatchNormParameters& parameters, std::int64_t channels) {
  check_f32("weight", parameters.weight, {channels});
  check_f32("bias", parameters.bias, {channels});
}

void check_running(const BatchNormRunning& running, std::int64_t channels) {
  check_f32("running.mean", running.mean, {channels});
  check_f32("running.var", running.var, {channels});
}

void check_groups(const Shape& shape, int groups) {
  DCGAN_CHECK(groups >= 1 && shape[0] % groups == 0, "{}: {} images do not split into {} groups",
              kName, shape[0], groups);
}

void check_saved(const BatchNormSaved& saved, int groups, std::int64_t channels) {
  check_f32("saved.mean", saved.mean, {groups, channels});
  check_f32("saved.invstd", saved.invstd, {groups, channels});
}

/// What a finished batch is written to.
void check_finish(const BatchNormRunning& running, const BatchNormSaved& saved, int groups,
                  std::int64_t channels) {
  check_running(running, channels);
  checks::dtype(kName, "running.batches_tracked", running.batches_tracked, {DType::i64});
  checks::elements(kName, "running.batches_tracked", running.batches_tracked, 1);
  check_saved(saved, groups, channels);
}

void check_tickets(const Context& context, ConstTensorView tickets, std::int64_t channels) {
  if (!context.is_cuda()) return;
  checks::dtype(kName, "tickets", tickets, {DType::i32});
  DCGAN_CHECK(tickets.elements() >= channels, "{}: {} tickets for {} channels", kName,
              tickets.elements(), channels);
}

void check_output(const char* argument, ConstTensorView view, ConstTensorView like) {
  checks::tensor(kName, argument, view, like.dtype, like.shape);
}

void check_activation(const ActivationSpec& activation) {
  DCGAN_CHECK(activation.kind != Activation::tanh,
              "{}: tanh is not offered: its derivative needs the output", kName);
  DCGAN_CHECK(activation.kind != Activation::leaky_relu || activation.negative_slope > 0.0f,
              "{}: negative slope {} is not above 0", kName, activation.negative_slope);
}

/// (groups, parts, C) of statistics or sums, which `by_part` has.
Shape parts_shape(const char* argument, const TensorView& by_part) {
  DCGAN_CHECK(by_part.shape.rank() == 3 && by_part.elements() > 0,
              "{}: {} has shape {}, expected (groups, parts, C), none of them 0", kName, argument,
              to_string(by_part.shape));
  return by_part.shape;
}

void check_statistics(const BatchNormStatistics& statistics, const Shape& shape) {
  check_f32("statistics.count", statistics.count, {shape[0], shape[1]});
  check_f32("statistics.origin", statistics.origin, {shape[0], shape[2]});
  check_f32("statistics.mean", statistics.mean, shape);
  check_f32("statistics.m2", statistics.m2, shape);
}

void check_sums(const std::string& argument, const BatchNormSums& sums, const Shape& shape) {
  check_f32((argument + ".gradient").c_str(), sums.gradient, shape);
  check_f32((argument + ".moment").c_str(), sums.moment, shape);
}

/// What the two passes over memory of the backward direction need; dx is the second's alone.
void check_backward(const BatchNormBackward& tensors, const BatchNormOptions& options) {
  check_image("x", tensors.x);
  check_groups(tensors.x.shape, options.groups);
  check_parameters(tensors.parameters, tensors.x.shape[3]);
  check_saved(tensors.saved, options.groups, tensors.x.shape[3]);
  check_output("dy", tensors.dy, tensors.x);
  check_activation(options.activation);
}

/// Views of f32 memory, one behind the other.
class Slices {
 public:
  Slices(const TensorView& memory, std::int64_t needed) : next_(memory.as<float>()) {
    DCGAN_CHECK(!memory.empty() && memory.elements() >= needed,
                "{}: memory has {} elements, needs {}", kName,
                memory.empty() ? 0 : memory.elements(), needed);
  }
  TensorView take(const Shape& shape) {
    const TensorView view(next_, shape);
    next_ += shape.elements();
    return view;
  }

 private:
  float* next_;
};

/// x, and statistics in the parts that x makes.
void check_statistics_of(const Context& context, ConstTensorView x,
                         const BatchNormStatistics& statistics, const BatchNormOptions& options) {
  check_image("x", x);
  const Shape& shape = x.shape;
  const int groups = options.groups;
  check_groups(shape, groups);
  if (shape[0] / groups * shape[1] * shape[2] < 2) {
    fail(ErrorKind::config,
         "batch_norm: training needs more than 1 value per channel, got input {} in {} group(s)",
         to_string(shape), groups);
  }
  check_statistics(statistics,
                   {groups, batch_norm_parts(context, shape, x.dtype, groups), shape[3]});
}

}  // namespace

std::int64_t BatchNormStatistics::elements(int groups, std::int64_t parts, std::int64_t channels) {
  return groups * (parts + channels + 2 * parts * channels);
}

BatchNormStatistics BatchNormStatistics::in(TensorView memory, int groups, std::int64_t parts,
                                            std::int64_t channels) {
  Slices slices(memory, elements(groups, parts, channels));
  BatchNormStatistics statistics;  // the counts last: rows of C behind them would lie unaligned
  statistics.mean = slices.take({groups, parts, channels});
  statistics.m2 = slices.take({groups, parts, channels});
  statistics.origin = slices.take({groups, channels});
  statistics.count = slices.take({groups, parts});
  return statistics;
}

std::int64_t BatchNormSums::elements(int groups, std::int64_t parts, std::int64_t channels) {
  return 2 * groups * parts * channels;
}

BatchNormSums BatchNormSums::in(TensorView memory, int groups, std::int64_t parts,
                                std::int64_t channels) {
  Slices slices(memory, elements(groups, parts, channels));
  BatchNormSums sums;
  sums.gradient = slices.take({groups, parts, channels});
  sums.moment = slices.take({groups, parts, channels});
  return sums;
}

std::int64_t batch_norm_parts(const Context& context, const Shape& shape, DType dtype, int groups) {
  DCGAN_CHECK(shape.rank() == 4, "{}: shape {} is not (N, H, W, C)", kName, to_string(shape));
  check_groups(shape, groups);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::batch_norm_parts(shape, dtype, groups);
  }
  return cpu::batch_norm_parts(shape, groups);
}

void batch_norm_statistics(const Context& context, ConstTensorView x,
                           const BatchNormStatistics& statistics, const BatchNormOptions& options) {
  check_statistics_of(context, x, statistics, options);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::batch_norm_statistics(context, x, statistics, options);
  }
  cpu::batch_norm_statistics(context, x, statistics, options);
}

void batch_norm_local_statistics(const Context& context, ConstTensorView x,
                                 const BatchNormLocal& tensors, const BatchNormOptions& options) {
  check_statistics_of(context, x, tensors.parts, options);
  check_finish(tensors.running, tensors.saved, options.groups, x.shape[3]);
  check_tickets(context, tensors.tickets, x.shape[3]);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::batch_norm_local_statistics(context, x, tensors, options);
  }
  cpu::batch_norm_local_statistics(context, x, tensors, options);
}

void batch_norm_merge(const Context& context, const BatchNormStatistics& from,
                      const BatchNormStatistics& to, std::int64_t part) {
  const Shape shape = parts_shape("from.mean", from.mean);
  check_statistics(from, shape);
  const std::int64_t parts = parts_shape("to.mean", to.mean)[1];
  check_statistics(to, {shape[0], parts, shape[2]});
  DCGAN_CHECK(part >= 0 && part < parts, "{}: part {} of {}", kName, part, parts);
  checks::disjoint(kName, "from.mean", from.mean, "to.mean", to.mean);
  checks::disjoint(kName, "from.m2", from.m2, "to.m2", to.m2);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::batch_norm_merge(context, from, to, part);
  }
  cpu::batch_norm_merge(context, from, to, part);
}

void batch_norm_finish(const Context& context, const BatchNormStatistics& statistics,
                       const BatchNormRunning& running, const BatchNormSaved& saved,
                       const BatchNormOptions& options) {
  const Shape shape = parts_shape("statistics.mean", statistics.mean);
  check_statistics(statistics, {options.groups, shape[1], shape[2]});
  check_finish(running, saved, options.groups, shape[2]);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) {
      return cuda::batch_norm_finish(context, statistics, running, saved, options);
    }
  }
  cpu::batch_norm_finish(context, statistics, running, saved, options);
}

void batch_norm_apply(const Context& context, const BatchNormApply& tensors,
                      const BatchNormOptions& options) {
  check_image("x", tensors.x);
  check_groups(tensors.x.shape, options.groups);
  check_parameters(tensors.parameters, tensors.x.shape[3]);
  check_saved(tensors.saved, options.groups, tensors.x.shape[3]);
  check_output("y", tensors.y, tensors.x);
  checks::same_or_disjoint(kName, "y", tensors.y, "x", tensors.x);
  check_activation(options.activation);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::batch_norm_apply(context, tensors, options);
  }
  cpu::batch_norm_apply(context, tensors, options);
}

void batch_norm_inference(const Context& context, const BatchNormInference& tensors,
                          const BatchNormOptions& options) {
  check_image("x", tensors.x);
  check_parameters(tensors.parameters, tensors.x.shape[3]);
  check_running(tensors.running, tensors.x.shape[3]);
  check_output("y", tensors.y, tensors.x);
  checks::same_or_disjoint(kName, "y", tensors.y, "x", tensors.x);
  check_activation(options.activation);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::batch_norm_inference(context, tensors, options);
  }
  cpu::batch_norm_inference(context, tensors, options);
}

void batch_norm_backward_sums(const Context& context, const BatchNormBackward& tensors,
                              const BatchNormReduction& reduction,
                              const BatchNormOptions& options) {
  check_backward(tensors, options);
  const Shape& shape = tensors.x.shape;
  const std::int64_t channels = shape[3];
  const BatchNormSums& parts = reduction.parts;
  const BatchNormSums& totals = reduction.totals;
  check_sums("parts", parts,
             {options.groups, batch_norm_parts(context, shape, tensors.x.dtype, options.groups),
              channels});
  check_sums("totals", totals, {options.groups, 1, channels});
  checks::disjoint(kName, "totals.gradient", totals.gradient, "parts.gradient", parts.gradient);
  checks::disjoint(kName, "totals.moment", totals.moment, "parts.moment", parts.moment);
  check_tickets(context, reduction.tickets, channels);
  DCGAN_CHECK(tensors.dweight.empty() == tensors.dbias.empty(),
              "{}: of dweight and dbias one is empty and one is not", kName);
  if (!tensors.dweight.empty()) {
    check_f32("dweight", tensors.dweight, {channels});
    check_f32("dbias", tensors.dbias, {channels});
  }
  if constexpr (kHasCuda) {
    if (context.is_cuda()) {
      return cuda::batch_norm_backward_sums(context, tensors, reduction, options);
    }
  }
  cpu::batch_norm_backward_sums(context, tensors, reduction, options);
}

void batch_norm_backward_apply(const Context& context, const BatchNormBackward& tensors,
                               const BatchNormSums& totals, std::int64_t count,
                               const BatchNormOptions& options) {
  check_backward(tensors, options);
  check_output("dx", tensors.dx, tensors.x);
  checks::disjoint(kName, "dx", tensors.dx, "x", tensors.x);
  checks::same_or_disjoint(kName, "dx", tensors.dx, "dy", tensors.dy);
  const Shape& shape = tensors.x.shape;
  check_sums("totals", totals, {options.groups, 1, shape[3]});
  const std::int64_t own = shape[0] / options.groups * shape[1] * shape[2];
  DCGAN_CHECK(count >= own, "{}: count {} is less than the batch's own {}", kName, count, own);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) {
      return cuda::batch_norm_backward_apply(context, tensors, totals, count, options);
    }
  }
  cpu::batch_norm_backward_apply(context, tensors, totals, count, options);
}

}  // namespace dcgan
