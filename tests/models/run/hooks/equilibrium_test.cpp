#include "models/run/hooks/equilibrium.h"

#include "tests/models/run/support.h"

using namespace dcgan;

namespace {

void observe(EquilibriumHook& hook, test::HookSetup& setup, float accuracy) {
  HookContext run = setup.at(1, Scalar::accuracy, accuracy);
  hook.on_results(run);
}

}  // namespace

TEST_CASE("the equilibrium must be kept, not only crossed") {
  test::HookSetup setup;
  EquilibriumHook hook({.stop = true, .margin = 0.05, .steps = 3});
  CHECK(hook.need(7) == Need::results_now);
  for (int i = 0; i < 1000; ++i) observe(hook, setup, i % 2 == 0 ? 1.0f : 0.9f);
  CHECK_FALSE(hook.reason_to_stop().has_value());
  for (int i = 0; i < 1000 && !hook.reason_to_stop(); ++i) observe(hook, setup, 0.5f);
  CHECK(hook.reason_to_stop() == StopReason::equilibrium);
  for (int i = 0; i < 22; ++i) observe(hook, setup, 1.0f);
  CHECK_FALSE(hook.reason_to_stop().has_value());
}

TEST_CASE("what it has followed is saved and restored") {
  test::HookSetup setup;
  const EquilibriumOptions options{.stop = true, .margin = 0.5, .steps = 3};
  EquilibriumHook saved(options);
  observe(saved, setup, 0.0f);
  observe(saved, setup, 0.0f);
  StateJson state;
  saved.save(state);
  CHECK(state.dump() == "{\"equilibrium\":{\"smoothed_accuracy\":0.9801,\"steps_inside\":2}}");
  EquilibriumHook restored(options);
  restored.restore(state);
  observe(restored, setup, 0.0f);
  CHECK(restored.reason_to_stop() == StopReason::equilibrium);
  DCGAN_CHECK_FAILS(restored.restore(StateJson::object()), ErrorKind::bad_data, "equilibrium");
  state["equilibrium"]["steps_inside"] = -1;
  DCGAN_CHECK_FAILS(restored.restore(state), ErrorKind::bad_data, "steps_inside");
}

TEST_CASE("without --stop-at-equilibrium nothing is followed, and what was saved stays") {
  test::HookSetup setup;
  EquilibriumHook hook({.stop = false, .margin = 0.5, .steps = 1});
  CHECK(hook.need(1) == Need::nothing);
  hook.restore({{"equilibrium", {{"smoothed_accuracy", 0.75}, {"steps_inside", 9}}}});
  observe(hook, setup, 0.5f);
  CHECK_FALSE(hook.reason_to_stop().has_value());
  StateJson state;
  hook.save(state);
  CHECK(state["equilibrium"]["smoothed_accuracy"] == 0.75);
}
