// Losses, their gradients and results from logits. The tensors are small: launch latency dominates.
#include "tests/cases/loss.h"
#include "benchmarks/operations/operations.h"

namespace dcgan::benchmarks {
namespace {

void check(Session& session) {
  const DType dtype = session.settings().dtype();
  for (const test::LossCase& one : test::discriminator_loss_cases()) {
    test::check_discriminator_loss(session.context(), one, dtype,
                                   session.report("discriminator " + to_string(one)));
  }
  for (const test::LossCase& one : test::generator_loss_cases()) {
    test::check_generator_loss(session.context(), one, dtype,
                               session.report("generator " + to_string(one)));
  }
}

void time(Session& session) {
  const Context& context = session.context();
  const DType dtype = session.settings().dtype();
  const std::int64_t batch = session.settings().batch;
  const auto logits = DeviceTensor::random(context, {2 * batch}, dtype);
  const DeviceTensor dlogits(context, {2 * batch}, dtype);
  const DeviceTensor labels(context, Values({2}, {1.0, 0.0}), DType::f32);
  const DeviceTensor results(context, {kDiscriminatorResults}, DType::f32);
  const auto bytes = static_cast<double>(logits.view().bytes());
  for (const auto& [name, kind] : enum_table(LossKind{})) {
    const int per_step = kind == LossKind::non_saturating ? 1 : 0;
    session.time(
        {"discriminator " + std::string(name), {2 * batch}, 0, 2 * bytes, per_step, "", ""}, [&] {
          discriminator_loss(
              context, {logits.view(), labels.view(), {}, dlogits.view(), results.view()}, kind);
        });
    session.time({"generator " + std::string(name), {batch}, 0, bytes, per_step, "", ""}, [&] {
      generator_loss(context,
                     {logits.view().rows(0, batch), dlogits.view().rows(0, batch),
                      results.view().rows(0, kGeneratorResults)},
                     kind);
    });
  }
}

}  // namespace

Operation loss_operation() {
  return {"loss",
          {"kernels/loss/loss.h"},
          "every loss of both networks with its gradient and results",
          check,
          time};
}

}  // namespace dcgan::benchmarks
