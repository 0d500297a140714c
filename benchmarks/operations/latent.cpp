// Drawing latent vectors.
#include "tests/cases/latent.h"
#include "benchmarks/operations/operations.h"

namespace dcgan::benchmarks {
namespace {

void check(Session& session) {
  for (const test::LatentCase& one : test::latent_cases()) {
    test::check_latent(session.context(), one, session.settings().dtype(),
                       session.report(to_string(one)));
  }
}

void time(Session& session) {
  const Context& context = session.context();
  const Shape shape{session.settings().batch, session.settings().model.nz};
  const DeviceTensor step(context, {1}, DType::i64);
  const DeviceTensor z(context, shape, session.settings().dtype());
  for (const auto& [name, distribution] : enum_table(LatentDistribution{})) {
    const int per_step = distribution == LatentDistribution::normal ? 1 : 0;
    const LatentOptions options{test::kLatentKey, distribution};
    session.time(
        {std::string(name), shape, 0, static_cast<double>(z.view().bytes()), per_step, "", ""},
        [&] { draw_next_latent(context, step.view(), z.view(), options); });
  }
}

}  // namespace

Operation latent_operation() {
  return {"latent",
          {"kernels/input/latent.h"},
          "drawing normal and uniform latent vectors",
          check,
          time};
}

}  // namespace dcgan::benchmarks
