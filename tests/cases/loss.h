// Losses of both networks: cases and their comparison with float64.
#pragma once

#include "kernels/loss/loss.h"
#include "tests/cases/guarded_tensor.h"

namespace dcgan::test {

/// Targets of the real images.
enum class RealLabels { one_value, by_image };

struct LossCase {
  LossOptions options;
  std::int64_t images = 1;  ///< N: the discriminator has 2N logits, the generator N
  RealLabels real_labels = RealLabels::one_value;
};

std::string to_string(const LossCase& one);

/// Every kind with few and many images, and smoothed labels of the kinds that have labels. A
/// generator's loss has no labels, so that it leaves the latter out.
std::vector<LossCase> discriminator_loss_cases();
std::vector<LossCase> generator_loss_cases();

struct LossResult {
  Values dlogits, results;
  Comparison guards;
};

/// real_labels: (N), or no elements for options.real_label.
LossResult run_discriminator_loss(const Context& context, const Values& logits,
                                  const Values& real_labels, DType dtype,
                                  const LossOptions& options);
LossResult run_generator_loss(const Context& context, const Values& logits, DType dtype,
                              LossKind kind);

/// In float64.
Values expected_discriminator_results(const Values& logits, const Values& real_labels,
                                      const LossOptions& options);
Values expected_generator_results(const Values& logits, LossKind kind);

/// Results, gradient of the logits and guard bytes.
void check_discriminator_loss(const Context& context, const LossCase& one, DType dtype,
                              const Report& report);
void check_generator_loss(const Context& context, const LossCase& one, DType dtype,
                          const Report& report);

}  // namespace dcgan::test
