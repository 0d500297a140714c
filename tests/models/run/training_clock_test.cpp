#include "models/run/training_clock.h"

#include "tests/support/catch.h"

using namespace dcgan;

TEST_CASE("training time is the sum of the readings, and the rate the last one's") {
  TrainingClock clock(8);
  clock.restart(10);
  clock.add({.step = 12, .scalars = {}, .steps = 2, .seconds = 0.5});
  CHECK(clock.read_step() == 12);
  CHECK(clock.trained_seconds() == 0.5);
  CHECK(clock.images_per_second() == 32);
  clock.add({.step = 16, .scalars = {}, .steps = 4, .seconds = 4});
  CHECK(clock.trained_seconds() == 4.5);
  CHECK(clock.images_per_second() == 8);
  clock.add({.step = 16, .scalars = {}, .steps = 0, .seconds = 0});
  CHECK(clock.images_per_second() == 8);  // of steps, not of nothing
}

TEST_CASE("steps that have not been read count by the host's clock") {
  TrainingClock clock(1);
  clock.restart(3);
  CHECK(clock.trained_seconds_now(3) == 0);
  double now = 0;
  while (now == 0) now = clock.trained_seconds_now(4);
  CHECK(now > 0);
  CHECK(clock.trained_seconds() == 0);
}

TEST_CASE("a rate is known before the first reading, and a slow first step's does not stay") {
  TrainingClock clock(8);
  clock.restart(10);  // resumed
  CHECK(clock.images_per_second_now(10) == 0);
  double now = 0;
  while (now == 0) now = clock.images_per_second_now(11);
  CHECK(now > 0);
  clock.add({.step = 11, .scalars = {}, .steps = 1, .seconds = 1e6});
  CHECK(clock.images_per_second_now(12) == clock.images_per_second());  // not yet as long
  clock.add({.step = 12, .scalars = {}, .steps = 1, .seconds = 1e-12});
  const double read = clock.images_per_second();
  while (clock.images_per_second_now(13) == read) continue;
  CHECK(clock.images_per_second_now(13) > 0);
  CHECK(clock.images_per_second_now(13) < read);
}

TEST_CASE("training time goes on behind a checkpoint") {
  TrainingClock clock(1);
  clock.add({.step = 1, .scalars = {}, .steps = 1, .seconds = 1.5});
  StateJson state;
  clock.save(state);
  CHECK(state.dump() == "{\"trained_seconds\":1.5}");
  TrainingClock resumed(1);
  resumed.restore(state);
  CHECK(resumed.trained_seconds() == 1.5);
}
