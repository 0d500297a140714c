#include "models/run/hooks/data.h"

#include "tests/models/run/support.h"

using namespace dcgan;

namespace {

Dataset images_of(std::vector<std::uint8_t> pixels) {
  Dataset dataset;
  dataset.shape = {static_cast<std::int64_t>(pixels.size()) / 4, 2, 2, 1};
  dataset.pixels = std::move(pixels);
  return dataset;
}

StateJson saved_by(const Dataset& dataset) {
  StateJson state;
  DataHook(dataset, DataChange::refused).save(state);
  return state;
}

}  // namespace

TEST_CASE("the images of a checkpoint are compared at resume") {
  const Dataset data = images_of({1, 2, 3, 4, 5, 6, 7, 8});
  const StateJson state = saved_by(data);
  DataHook(data, DataChange::refused).restore(state);
  for (const Dataset& other : {images_of({1, 2, 3, 4}), images_of({5, 6, 7, 8, 1, 2, 3, 4})}) {
    DataHook hook(other, DataChange::refused);
    DCGAN_CHECK_FAILS(hook.restore(state), ErrorKind::config, "trained on 2 images 2x2x1");
    DataHook(other, DataChange::allowed).restore(state);
  }
  Dataset wide = images_of({1, 2, 3, 4, 5, 6, 7, 8});
  wide.shape = {2, 1, 4, 1};
  DCGAN_CHECK_FAILS(DataHook(wide, DataChange::refused).restore(state), ErrorKind::config,
                    "the data set is 2 images 1x4x1");
}

TEST_CASE("a data set with stored checksums is known by them") {
  Dataset data = images_of({1, 2, 3, 4});
  data.stored_hash = "00ff";
  const StateJson state = saved_by(data);
  CHECK(state["data"]["contents"] == "00ff");
  data.stored_hash = "01ff";
  DCGAN_CHECK_FAILS(DataHook(data, DataChange::refused).restore(state), ErrorKind::config, "01ff");
}

TEST_CASE("an older checkpoint's data are not compared, a damaged entry is bad data") {
  DataHook hook(images_of({1, 2, 3, 4}), DataChange::refused);
  hook.restore(StateJson::object());
  StateJson state = saved_by(images_of({1, 2, 3, 4}));
  state["data"]["contents"] = 7;
  DCGAN_CHECK_FAILS(hook.restore(state), ErrorKind::bad_data, "contents");
  state["data"].erase("images");
  DCGAN_CHECK_FAILS(hook.restore(state), ErrorKind::bad_data, "images");
}
