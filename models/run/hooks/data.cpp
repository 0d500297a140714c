#include "models/run/hooks/data.h"

#include <fmt/format.h>

#include "models/data/fingerprint.h"
#include "runtime/base/printable.h"

namespace dcgan {
namespace {

constexpr const char* kEntry = "data";

std::string text_of(const Shape& shape, const std::string& contents) {
  return fmt::format("{} images {}x{}x{} (XXH3-128 {})", shape[0], shape[1], shape[2], shape[3],
                     contents);
}

std::string read_contents(const StateJson& entry) {
  const auto found = entry.find("contents");
  if (found == entry.end() || !found->is_string()) {
    fail(ErrorKind::bad_data, "data: contents: is missing or no text");
  }
  return printable(found->get<std::string>(), kMostShown);
}

}  // namespace

DataHook::DataHook(const Dataset& dataset, DataChange change)
    : shape_(dataset.shape), contents_(contents_hash(dataset)), change_(change) {}

void DataHook::save(StateJson& state) const {
  state[kEntry] = {{"images", shape_[0]},
                   {"height", shape_[1]},
                   {"width", shape_[2]},
                   {"channels", shape_[3]},
                   {"contents", contents_}};
}

void DataHook::restore(const StateJson& state) {
  const auto entry = state.find(kEntry);
  if (entry == state.end()) return;
  std::int64_t images = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 0;
  read_entry(*entry, "images", images);
  read_entry(*entry, "height", height);
  read_entry(*entry, "width", width);
  read_entry(*entry, "channels", channels);
  const Shape shape{images, height, width, channels};
  const std::string contents = read_contents(*entry);
  if ((shape == shape_ && contents == contents_) || change_ == DataChange::allowed) return;
  fail(ErrorKind::config,
       "the data set is {}, the run was trained on {}; --allow-data-change goes on all the same",
       text_of(shape_, contents_), text_of(shape, contents));
}

}  // namespace dcgan
