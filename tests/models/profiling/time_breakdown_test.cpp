#include "models/profiling/time_breakdown.h"

#include "tests/models/support.h"

using namespace dcgan;

namespace {

std::vector<std::byte> state_after(const Context& context, const RunOptions& options,
                                   const Dataset& dataset, int plain, int measured,
                                   int plain_again) {
  TrainingEngine engine(context, options, dataset);
  for (int i = 0; i < plain; ++i) engine.train_step();
  if (measured > 0) measure_time_breakdown(context, engine, measured);
  for (int i = 0; i < plain_again; ++i) engine.train_step();
  context.synchronize();
  return test::state_of(context, engine.generator());
}

}  // namespace

TEST_CASE("the shares of a step are positive and add up to one") {
  for (const Device device : test::devices_under_test()) {
    for (const std::int64_t d_steps : {1, 2}) {
      const Context context(device);
      RunOptions options = test::tiny_options();
      options.d_steps = d_steps;
      const Dataset dataset = load_dataset(dataset_options(options));
      TrainingEngine engine(context, options, dataset);
      engine.train_step();
      const TimeBreakdown shares = measure_time_breakdown(context, engine, 2);
      INFO(to_string(device) << ", d-steps " << d_steps);
      CHECK(engine.steps_done() == 3);
      CHECK(shares.convolutions > 0);
      CHECK(shares.batch_norm > 0);
      CHECK(shares.optimizer > 0);
      CHECK(shares.rest > 0);
      const double sum = shares.convolutions + shares.batch_norm + shares.optimizer + shares.rest;
      CHECK(sum == Approx(1.0));
    }
  }
}

TEST_CASE("measuring shares leaves a training as it would have been, bit for bit") {
  for (const Device device : test::devices_under_test()) {
    const Context context(device);
    const RunOptions options = test::tiny_options();
    const Dataset dataset = load_dataset(dataset_options(options));
    INFO(to_string(device));
    CHECK(state_after(context, options, dataset, 2, 2, 2) ==
          state_after(context, options, dataset, 6, 0, 0));
  }
}
