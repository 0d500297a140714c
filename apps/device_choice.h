// The options --device and --threads, and the device that a run asks for.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "models/run/run_options.h"
#include "runtime/device/context.h"

namespace dcgan {

/// Adds both, for commands that do not take the options of a run.
void add_device_options(CLI::App& app, std::string& device, std::int64_t& threads);

/// The device of a run, as its options want it used. Prints a notice about a choice that the user
/// did not make.
Context open_run_device(const RunOptions& options, bool speaks = true);

/// Sets the threads of the CPU engine; 0: one for each core.
void apply_threads(std::int64_t threads);

}  // namespace dcgan
