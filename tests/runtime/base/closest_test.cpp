#include "runtime/base/closest.h"

#include "tests/support/catch.h"

using namespace dcgan;

TEST_CASE("the nearest name is found by single changes, spelling apart") {
  const std::vector<std::string> names = {"lr", "batch-size", "epochs", "steps", "batchSize"};
  CHECK(closest_name("bach-size", names) == "batch-size");
  CHECK(closest_name("BATCH_SIZE", names) == "batch-size");
  CHECK(closest_name("epoch", names) == "epochs");
  CHECK(closest_name("sptes", names).empty());     // two changes of five characters
  CHECK(closest_name("setps", names) == "steps");  // two letters have changed places
  CHECK(closest_name("step", names) == "steps");
  CHECK(closest_name("lrr", names) == "lr");
  CHECK(closest_name("frob", names).empty());
  CHECK(closest_name("", names).empty());
  CHECK(closest_name(std::string(100'000, 'x'), names).empty());
  CHECK(did_you_mean("lrr", names) == ", did you mean lr?");
  CHECK(did_you_mean("frob", names).empty());
}
