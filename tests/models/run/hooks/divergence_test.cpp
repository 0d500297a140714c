#include "models/run/hooks/divergence.h"

#include <cmath>

#include "tests/models/run/support.h"

using namespace dcgan;

TEST_CASE("finite losses and gradients pass") {
  test::HookSetup setup;
  DivergenceHook hook;
  HookContext run = setup.at(1, Scalar::errG, 1e30f);
  hook.on_results(run);
  CHECK(hook.need(1) == Need::nothing);  // it looks at what others read
}

TEST_CASE("an infinite loss and gradients that are not finite end the run, naming the checkpoint") {
  test::HookSetup setup;
  DivergenceHook hook;
  for (const Scalar scalar : {Scalar::errD_real, Scalar::errG}) {
    HookContext run = setup.at(4, scalar, INFINITY);
    DCGAN_CHECK_FAILS(hook.on_results(run), ErrorKind::diverged, "step 4");
    DCGAN_CHECK_FAILS(hook.on_results(run), ErrorKind::diverged, "last checkpoint: none");
  }
  HookContext run = setup.with_scalars(5, Scalar::errD, 0, /*finite=*/false);
  run.checkpoint = "out/checkpoints/step_00000002";
  DCGAN_CHECK_FAILS(hook.on_results(run), ErrorKind::diverged, "non-finite gradients");
  DCGAN_CHECK_FAILS(hook.on_results(run), ErrorKind::diverged, "step_00000002");
}
