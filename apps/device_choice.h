// The options --device and --threads.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

namespace dcgan {

/// Adds both, for commands that do not take the options of a run.
void add_device_options(CLI::App& app, std::string& device, std::int64_t& threads);

/// Sets the threads of the CPU engine; 0: one for each core.
void apply_threads(std::int64_t threads);

}  // namespace dcgan
