// The options of a run (models/options/run_options.h) as flags of a subcommand.
#pragma once

#include <CLI/CLI.hpp>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "models/options/run_options.h"

namespace dcgan {

class RunOptionFlags {
 public:
  /// Adds every option of the groups ("Network", "Data", ...) and, with them, --config.
  RunOptionFlags(CLI::App& app, const std::vector<std::string_view>& groups);

  /// `base`, then the config file, then what the command line says. Not checked for validity.
  RunOptions effective(RunOptions base = {}) const;
  /// True when the command line or the config file could have set something.
  bool given(std::string_view name) const;

 private:
  struct Flag {
    std::string name;
    std::string text;
    CLI::Option* option = nullptr;
  };
  std::list<Flag> flags_;  // a list: CLI11 keeps addresses of the texts
  std::string config_;
};

/// Groups of options by command.
inline const std::vector<std::string_view> kAllGroups = {"Network", "Data", "Loss and optimiser",
                                                         "Run", "Output"};

}  // namespace dcgan
