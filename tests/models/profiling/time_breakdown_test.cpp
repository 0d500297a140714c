#include "models/profiling/time_breakdown.h"

#include <set>

#include "tests/models/engine_rig.h"
#include "tests/models/support.h"

using namespace dcgan;

namespace {

std::vector<std::byte> state_after(const Context& context, const RunOptions& options,
                                   const Dataset& dataset, int plain, int measured,
                                   int plain_again) {
  test::EngineRig rig(context, options, dataset);
  TrainingEngine& engine = rig.engine;
  for (int i = 0; i < plain; ++i) engine.train_step();
  if (measured > 0) measure_step_times(context, engine, measured);
  for (int i = 0; i < plain_again; ++i) engine.train_step();
  context.synchronize();
  return test::state_of(context, engine.generator());
}

}  // namespace

TEST_CASE("the time breakdown of a step has positive parts that add up to one") {
  for (const Device device : test::devices_under_test()) {
    for (const std::int64_t d_steps : {1, 2}) {
      const Context context(device);
      RunOptions options = test::tiny_options();
      options.d_steps = d_steps;
      const Dataset dataset = load_dataset(run_config(options).dataset);
      test::EngineRig rig(context, options, dataset);
      rig.engine.train_step();
      const StepTimes times = measure_step_times(context, rig.engine, 2);
      const TimeBreakdown& breakdown = times.breakdown;
      INFO(to_string(device) << ", d-steps " << d_steps);
      CHECK(rig.engine.steps_done() == 3);
      CHECK(breakdown.convolutions > 0);
      CHECK(breakdown.batch_norm > 0);
      CHECK(breakdown.optimizer > 0);
      CHECK(breakdown.rest > 0);
      const double sum =
          breakdown.convolutions + breakdown.batch_norm + breakdown.optimizer + breakdown.rest;
      CHECK(sum == Approx(1.0));
      std::set<std::string> names;
      for (const StageTime& stage : times.stages) names.insert(stage.name);
      for (const char* name :
           {"input", "G main.3 normalise", "D(real+fake) main.2 backward weights",
            "D(real+fake) main.2 update", "G main.0 update"}) {
        INFO(name);
        CHECK(names.count(name) == 1);
      }
    }
  }
}

TEST_CASE("measuring stages leaves a training as it would have been, bit for bit") {
  for (const Device device : test::devices_under_test()) {
    const Context context(device);
    const RunOptions options = test::tiny_options();
    const Dataset dataset = load_dataset(run_config(options).dataset);
    INFO(to_string(device));
    CHECK(state_after(context, options, dataset, 2, 2, 2) ==
          state_after(context, options, dataset, 6, 0, 0));
  }
}
