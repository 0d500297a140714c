// The layout of --help: choices or a placeholder after an option, its default in brackets, wrapped.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace dcgan {

class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter();
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_option_desc(const CLI::Option* option) const override;
};

/// What --device shows; any CUDA device can be named by its number.
constexpr const char* kDevicePlaceholder = "{auto,cuda,cuda:N,cpu}";

/// "N", "PATH" or "{auto,cuda,cpu}": what follows the option; empty for a switch.
std::string placeholder(const CLI::Option& option);

}  // namespace dcgan
