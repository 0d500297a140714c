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

// The images of all ranks, at least those that are here.
std::int64_t means_of(const char* operation, std::int64_t asked, std::int64_t here) {
  DCGAN_CHECK(asked == 0 || asked >= here, "{}: a mean over {} images for {}", operation, asked,
              here);
  return asked == 0 ? here : asked;
}

}  // namespace

void require_valid(const LossOptions& options) {
  if (uses_labels(options.kind)) return;
  if (options.real_label == 1.0f && options.fake_label == 0.0f) return;
  fail(ErrorKind::config, "loss: labels {} / {} given to the {} loss, which has none",
       options.real_label, options.fake_label, enum_name(options.kind));
}

void discriminator_loss(const Context& context, const DiscriminatorLoss& wanted, LossKind kind) {
  DiscriminatorLoss tensors = wanted;
  constexpr const char* kName = "discriminator_loss";
  check_common(kName, tensors.logits, tensors.dlogits, tensors.results, kDiscriminatorResults);
  const std::int64_t count = tensors.logits.elements();
  DCGAN_CHECK(count >= 2 && count % 2 == 0, "{}: {} logits are not a real and a fake half", kName,
              count);
  checks::dtype(kName, "labels", tensors.labels, {DType::f32});
  checks::elements(kName, "labels", tensors.labels, 2);
  if (!tensors.real_labels.empty()) {
    checks::dtype(kName, "real_labels", tensors.real_labels, {DType::f32});
    checks::elements(kName, "real_labels", tensors.real_labels, count / 2);
    if (!uses_labels(kind)) {
      fail(ErrorKind::config, "{}: labels by image given to the {} loss, which has none", kName,
           enum_name(kind));
    }
  }
  tensors.mean_over = means_of(kName, wanted.mean_over, count / 2);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::discriminator_loss(context, tensors, kind);
  }
  cpu::discriminator_loss(context, tensors, kind);
}

void generator_loss(const Context& context, const GeneratorLoss& wanted, LossKind kind) {
  GeneratorLoss tensors = wanted;
  constexpr const char* kName = "generator_loss";
  check_common(kName, tensors.logits, tensors.dlogits, tensors.results, kGeneratorResults);
  DCGAN_CHECK(tensors.logits.elements() >= 1, "{}: no logits", kName);
  tensors.mean_over = means_of(kName, wanted.mean_over, tensors.logits.elements());
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::generator_loss(context, tensors, kind);
  }
  cpu::generator_loss(context, tensors, kind);
}

}  // namespace dcgan
