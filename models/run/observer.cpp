#include "models/run/observer.h"

#include <fmt/format.h>

namespace dcgan {

std::string example_log_line(const StepReport& r) {
  return fmt::format(
      "[{}/{}][{}/{}] Loss_D: {:.4f} Loss_G: {:.4f} D(x): {:.4f} D(G(z)): {:.4f} / {:.4f}", r.epoch,
      r.epochs > 0 ? std::to_string(r.epochs) : "-", r.batch, r.batches, r.scalars[Scalar::errD],
      r.scalars[Scalar::errG], r.scalars[Scalar::D_x], r.scalars[Scalar::D_G_z1],
      r.scalars[Scalar::D_G_z2]);
}

}  // namespace dcgan
