#include "models/run/schedule.h"

#include "tests/support/catch.h"

using namespace dcgan;

TEST_CASE("a run ends with its epochs or its steps, whichever comes first") {
  const Schedule both{.epochs = 2, .steps = 7, .batches_per_epoch = 5};
  CHECK(both.last_step() == 7);
  CHECK_FALSE(both.reason_to_stop(6).has_value());
  CHECK(both.reason_to_stop(7) == StopReason::steps);
  const Schedule epochs{.epochs = 2, .steps = 70, .batches_per_epoch = 5};
  CHECK(epochs.last_step() == 10);
  CHECK(epochs.reason_to_stop(10) == StopReason::epochs);
}

TEST_CASE("where only steps are limited, the epochs are those that they need") {
  CHECK(Schedule{.epochs = 2, .steps = 7, .batches_per_epoch = 5}.epochs_in_all() == 2);
  CHECK(Schedule{.steps = 5, .batches_per_epoch = 5}.epochs_in_all() == 1);
  CHECK(Schedule{.steps = 6, .batches_per_epoch = 5}.epochs_in_all() == 2);
  CHECK(Schedule{.steps = 6, .batches_per_epoch = 5, .discriminator_steps = 2}.epochs_in_all() ==
        3);
  CHECK(Schedule{.batches_per_epoch = 5}.epochs_in_all() == 0);
}

TEST_CASE("without epochs and steps there is no end") {
  const Schedule endless{.batches_per_epoch = 5};
  CHECK(endless.last_step() == 0);
  CHECK_FALSE(endless.reason_to_stop(1'000'000'000).has_value());
}

TEST_CASE("a step takes a batch for each discriminator update, and at least one step is made") {
  const Schedule schedule{.epochs = 1, .batches_per_epoch = 5, .discriminator_steps = 2};
  CHECK(schedule.last_step() == 2);
  CHECK(schedule.batch_of(2) == 3);
  CHECK(schedule.epoch_of(2) == 0);
  CHECK(schedule.epoch_of(3) == 1);
  CHECK(schedule.batch_of(3) == 0);
  CHECK(schedule.batch_of(0) == 0);
  const Schedule longer{.epochs = 1, .batches_per_epoch = 5, .discriminator_steps = 9};
  CHECK(longer.last_step() == 1);
}
