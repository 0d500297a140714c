// The options of a run (models/run/run_options.h) as flags of a subcommand.
#pragma once

#include <CLI/CLI.hpp>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "models/run/run_options.h"

namespace dcgan {

class RunOptionFlags {
 public:
  /// Adds the options chosen by group ("Network", "Data", ...) or by name, and --config. A switch
  /// has a --no- form that turns off what a config file or a checkpoint has turned on.
  RunOptionFlags(CLI::App& app, const std::vector<std::string_view>& chosen);

  /// `base`, then the config file, then the command line. Not checked for validity.
  RunOptions effective(RunOptions base = {}) const;
  /// The options that the config file or the command line sets.
  std::vector<std::string> named() const;
  /// True when the command line sets it.
  bool given(std::string_view name) const;

 private:
  struct Flag {
    std::string name;
    std::string text;
    CLI::Option* option = nullptr;
    CLI::Option* negation = nullptr;  ///< switches only
    bool given() const { return option->count() > 0 || (negation && negation->count() > 0); }
  };
  std::list<Flag> flags_;  // a list: CLI11 keeps addresses of the texts
  std::string config_;
};

/// Groups of options by command.
inline const std::vector<std::string_view> kAllGroups = {"Network", "Data",  "Loss and optimiser",
                                                         "Run",     "Ranks", "Output"};

}  // namespace dcgan
