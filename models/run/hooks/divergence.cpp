#include "models/run/hooks/divergence.h"

#include <fmt/format.h>

#include <cmath>

#include "runtime/base/errors.h"

namespace dcgan {

void DivergenceHook::on_results(HookContext& run) {
  const Scalars& scalars = run.report.scalars;
  const float loss_d = scalars[Scalar::errD], loss_g = scalars[Scalar::errG];
  if (scalars.gradients_finite() && std::isfinite(loss_d) && std::isfinite(loss_g)) return;
  fail(ErrorKind::diverged,
       "training diverged at step {}: errD {} errG {}, {} gradients; last checkpoint: {}",
       run.report.step, loss_d, loss_g, scalars.gradients_finite() ? "finite" : "non-finite",
       run.checkpoint.empty() ? "none" : run.checkpoint.string());
}

}  // namespace dcgan
