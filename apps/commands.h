// The subcommands of `dcgan`. Each adds itself to the command line and returns what to run.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace dcgan {

/// Runs a parsed subcommand and returns the exit code.
using Command = std::function<int()>;

Command add_train(CLI::App& app);
Command add_pack(CLI::App& app);
Command add_sample(CLI::App& app);
Command add_interpolate(CLI::App& app);
Command add_plot(CLI::App& app);
Command add_verify(CLI::App& app);
Command add_info(CLI::App& app);
Command add_bench(CLI::App& app);
Command add_doctor(CLI::App& app);
Command add_options_page(CLI::App& app);

}  // namespace dcgan
