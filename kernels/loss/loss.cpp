#include "kernels/loss/loss.h"

#include "kernels/common/checks.h"
#include "kernels/loss/loss_variants.h"
#include "runtime/base/build_config.h"

namespace dcgan {
namespace {

void check_common(const char* operation, ConstTensorView logits, TensorView dlogits,
                  TensorView results, std::int64_t result_count) {
  checks::dtype(operation, "logits", logits, {DType::f32, DType::bf16});
  checks::dtype(operation, "dlogits", dlogits, {logits.dtype});
  checks::elements(operation, "dlogits", dlogits, logits.elements());
  checks::same_or_disjoint(operation, "dlogits", dlogits, "logits", logits);
  checks::dtype(operation, "results", results, {DType::f32});
  checks::elements(operation, "results", results, result_count);
}

bool uses_labels(LossKind kind) {
  return kind == LossKind::minimax || kind == LossKind::non_saturating || kind == LossKind::lsgan;
}

}  // namespace

void discriminator_loss(const Context& context, ConstTensorView logits, ConstTensorView real_labels,
                        TensorView dlogits, TensorView results, const LossOptions& options) {
  constexpr const char* kName = "discriminator_loss";
  check_common(kName, logits, dlogits, results, kDiscriminatorResults);
  DCGAN_CHECK(logits.elements() >= 2 && logits.elements() % 2 == 0,
              "{}: {} logits are not a real and a fake half", kName, logits.elements());
  if (!real_labels.empty()) {
    checks::dtype(kName, "real_labels", real_labels, {DType::f32});
    checks::elements(kName, "real_labels", real_labels, logits.elements() / 2);
  }
  const bool smoothed =
      !real_labels.empty() || options.real_label != 1.0f || options.fake_label != 0.0f;
  if (smoothed && !uses_labels(options.kind)) {
    fail(ErrorKind::config,
         "{}: labels {} / {} or labels by image given to a loss that has none (hinge or wgan)",
         kName, options.real_label, options.fake_label);
  }
  if constexpr (kHasCuda) {
    if (context.is_cuda()) {
      return cuda::discriminator_loss(context, logits, real_labels, dlogits, results, options);
    }
  }
  cpu::discriminator_loss(context, logits, real_labels, dlogits, results, options);
}

void generator_loss(const Context& context, ConstTensorView logits, TensorView dlogits,
                    TensorView results, const LossOptions& options) {
  constexpr const char* kName = "generator_loss";
  check_common(kName, logits, dlogits, results, kGeneratorResults);
  DCGAN_CHECK(logits.elements() >= 1, "{}: no logits", kName);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::generator_loss(context, logits, dlogits, results, options);
  }
  cpu::generator_loss(context, logits, dlogits, results, options);
}

}  // namespace dcgan
