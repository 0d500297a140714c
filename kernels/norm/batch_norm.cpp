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

void check_row(const char* argument, ConstTensorView view, const Shape& shape) {
  checks::dtype(kName, argument, view, {DType::f32});
  checks::shape(kName, argument, view, shape);
}

void check_parameters(const BatchNormParameters& parameters, std::int64_t channels) {
  check_row("weight", parameters.weight, {channels});
  check_row("bias", parameters.bias, {channels});
}

void check_groups(const Shape& shape, int groups) {
  DCGAN_CHECK(groups >= 1 && shape[0] % groups == 0, "{}: {} images do not split into {} groups",
              kName, shape[0], groups);
}

void check_saved(const BatchNormSaved& saved, const Shape& shape, int groups) {
  check_row("saved.mean", saved.mean, {groups, shape[3]});
  check_row("saved.invstd", saved.invstd, {groups, shape[3]});
}

void check_output(const char* argument, ConstTensorView view, ConstTensorView like) {
  checks::dtype(kName, argument, view, {like.dtype});
  checks::shape(kName, argument, view, like.shape);
}

void check_scratch(const Context& context, const TensorView& scratch, const Shape& shape,
                   int groups) {
  const std::int64_t needed = batch_norm_scratch_elements(context, shape, groups);
  checks::dtype(kName, "scratch", scratch, {DType::f32});
  DCGAN_CHECK((!scratch.empty() && scratch.elements() >= needed) || needed == 0,
              "{}: scratch has {} elements, needs {}", kName,
              scratch.empty() ? 0 : scratch.elements(), needed);
}

void check_activation(const ActivationSpec& activation) {
  DCGAN_CHECK(activation.kind != Activation::tanh,
              "{}: tanh is not offered: its derivative needs the output", kName);
  DCGAN_CHECK(activation.kind != Activation::leaky_relu || activation.negative_slope > 0.0f,
              "{}: negative slope {} is not above 0", kName, activation.negative_slope);
}

}  // namespace

void batch_norm_train_forward(const Context& context, ConstTensorView x,
                              const BatchNormParameters& parameters,
                              const BatchNormRunning& running, TensorView y,
                              const BatchNormSaved& saved, TensorView scratch,
                              const BatchNormOptions& options) {
  check_image("x", x);
  const Shape& shape = x.shape;
  check_groups(shape, options.groups);
  check_parameters(parameters, shape[3]);
  check_row("running.mean", running.mean, {shape[3]});
  check_row("running.var", running.var, {shape[3]});
  checks::dtype(kName, "running.batches_tracked", running.batches_tracked, {DType::i64});
  checks::elements(kName, "running.batches_tracked", running.batches_tracked, 1);
  check_output("y", y, x);
  checks::same_or_disjoint(kName, "y", y, "x", x);
  check_saved(saved, shape, options.groups);
  check_activation(options.activation);
  if (shape[0] / options.groups * shape[1] * shape[2] < 2) {
    fail(ErrorKind::config,
         "batch_norm: training needs more than 1 value per channel, got input {} in {} group(s)",
         to_string(shape), options.groups);
  }
  check_scratch(context, scratch, shape, options.groups);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) {
      return cuda::batch_norm_train_forward(context, x, parameters, running, y, saved, scratch,
                                            options);
    }
  }
  cpu::batch_norm_train_forward(context, x, parameters, running, y, saved, scratch, options);
}

void batch_norm_eval_forward(const Context& context, ConstTensorView x,
                             const BatchNormParameters& parameters, const BatchNormRunning& running,
                             TensorView y, const BatchNormOptions& options) {
  check_image("x", x);
  check_parameters(parameters, x.shape[3]);
  check_row("running.mean", running.mean, {x.shape[3]});
  check_row("running.var", running.var, {x.shape[3]});
  check_output("y", y, x);
  checks::same_or_disjoint(kName, "y", y, "x", x);
  check_activation(options.activation);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) {
      return cuda::batch_norm_eval_forward(context, x, parameters, running, y, options);
    }
  }
  cpu::batch_norm_eval_forward(context, x, parameters, running, y, options);
}

void batch_norm_backward(const Context& context, const BatchNormBackward& tensors,
                         TensorView scratch, const BatchNormOptions& options) {
  check_image("x", tensors.x);
  const Shape& shape = tensors.x.shape;
  check_groups(shape, options.groups);
  check_parameters(tensors.parameters, shape[3]);
  check_saved(tensors.saved, shape, options.groups);
  check_output("dy", tensors.dy, tensors.x);
  check_output("dx", tensors.dx, tensors.x);
  checks::disjoint(kName, "dx", tensors.dx, "x", tensors.x);
  checks::same_or_disjoint(kName, "dx", tensors.dx, "dy", tensors.dy);
  DCGAN_CHECK(tensors.dweight.empty() == tensors.dbias.empty(),
              "{}: of dweight and dbias one is empty and one is not", kName);
  if (!tensors.dweight.empty()) {
    check_row("dweight", tensors.dweight, {shape[3]});
    check_row("dbias", tensors.dbias, {shape[3]});
  }
  check_activation(options.activation);
  check_scratch(context, scratch, shape, options.groups);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::batch_norm_backward(context, tensors, scratch, options);
  }
  cpu::batch_norm_backward(context, tensors, scratch, options);
}

std::int64_t batch_norm_scratch_elements(const Context& context, const Shape& shape, int groups) {
  DCGAN_CHECK(shape.rank() == 4, "{}: shape {} is not (N, H, W, C)", kName, to_string(shape));
  check_groups(shape, groups);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::batch_norm_scratch_elements(context, shape, groups);
  }
  return cpu::batch_norm_scratch_elements(context, shape, groups);
}

}  // namespace dcgan
