#include "models/checkpoint/training_state.h"

#include <limits>

#include "runtime/base/errors.h"
#include "runtime/base/printable.h"
#include "runtime/io/files.h"
#include "runtime/io/json_text.h"

namespace dcgan {
namespace {

constexpr std::uint64_t kMaxBytes = 1 << 20;
constexpr std::int64_t kMostSteps = 1'000'000'000'000;  // as of --steps

const StateJson& number_entry(const StateJson& json, const char* name) {
  const auto found = json.is_object() ? json.find(name) : json.end();
  if (found == json.end()) fail(ErrorKind::bad_data, "{}: is missing", name);
  const bool is_negative = !found->is_number_unsigned() && *found < 0;  // not of 2^64 - 1
  if (!found->is_number() || is_negative) {
    fail(ErrorKind::bad_data, "{}: {} is no number from 0", name,
         printable(found->dump(), kMostShown));
  }
  return *found;
}

template <class Integer>
Integer integer_entry(const StateJson& json, const char* name) {
  const StateJson& entry = number_entry(json, name);
  if (!entry.is_number_integer() ||
      entry.get<std::uint64_t>() >
          static_cast<std::uint64_t>(std::numeric_limits<Integer>::max())) {
    fail(ErrorKind::bad_data, "{}: {} is no count", name, entry.dump());
  }
  return entry.get<Integer>();
}

}  // namespace

void write_state(const std::filesystem::path& path, const TrainingState& state) {
  StateJson json;
  json["step"] = state.step;
  json.update(state.parts);
  write_text_atomically(path, json.dump(2) + "\n");
}

void read_entry(const StateJson& json, const char* name, std::int64_t& value) {
  value = integer_entry<std::int64_t>(json, name);
}

void read_entry(const StateJson& json, const char* name, std::uint64_t& value) {
  value = integer_entry<std::uint64_t>(json, name);
}

void read_entry(const StateJson& json, const char* name, double& value) {
  value = number_entry(json, name).get<double>();
}

TrainingState read_state(const std::filesystem::path& path) {
  const std::string text = read_text_file(path, kMaxBytes);
  if (const auto fault = json_fault(text)) {
    fail(ErrorKind::bad_data, "{}: {}", path.string(), *fault);
  }
  TrainingState state;
  state.parts = StateJson::parse(text);
  try {
    read_entry(state.parts, "step", state.step);
    if (state.step > kMostSteps) {
      fail(ErrorKind::bad_data, "step: {} is above {}", state.step, kMostSteps);
    }
  } catch (const Error& error) {
    fail(ErrorKind::bad_data, "{}: {}", path.string(), error.what());
  }
  state.parts.erase("step");
  return state;
}

}  // namespace dcgan
