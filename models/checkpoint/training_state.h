// state.json of a checkpoint: what a run is besides tensors and options.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace dcgan {

/// Entries of state.json, in the order of the file.
using StateJson = nlohmann::ordered_json;

struct TrainingState {
  std::int64_t step = 0;  ///< generator updates made
  /// What else is needed to continue: entries of the run's parts (its clock, its metrics file).
  StateJson parts = StateJson::object();
};

/// Reads an entry of state.json. Every one is a number from 0: throws Error(bad_data) naming it
/// when it is missing, of another type, negative or out of range.
void read_entry(const StateJson& json, const char* name, std::int64_t& value);
void read_entry(const StateJson& json, const char* name, std::uint64_t& value);
void read_entry(const StateJson& json, const char* name, double& value);

void write_state(const std::filesystem::path& path, const TrainingState& state);

/// Throws Error(bad_data) naming the file when it is no JSON, or has no step that a run can reach.
TrainingState read_state(const std::filesystem::path& path);

}  // namespace dcgan
