#include "models/checkpoint/training_state.h"

#include "runtime/base/errors.h"
#include "runtime/io/files.h"

namespace dcgan {
namespace {

constexpr std::uint64_t kMaxBytes = 1 << 20;

}  // namespace

void write_state(const std::filesystem::path& path, const TrainingState& state) {
  StateJson json;
  json["step"] = state.step;
  json.update(state.parts);
  write_text_atomically(path, json.dump(2) + "\n");
}

TrainingState read_state(const std::filesystem::path& path) try {
  TrainingState state;
  state.parts = StateJson::parse(read_text_file(path, kMaxBytes));
  state.step = state.parts.at("step").get<std::int64_t>();
  state.parts.erase("step");
  return state;
} catch (const nlohmann::json::exception& error) {
  fail(ErrorKind::bad_data, "{}: {}", path.string(), error.what());
}

}  // namespace dcgan
