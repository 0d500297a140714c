// dcgan: train, sample and examine DCGANs.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <new>
#include <system_error>

#include "apps/commands.h"
#include "apps/help_formatter.h"
#include "apps/messages.h"
#include "apps/stop_signals.h"
#include "runtime/base/build_config.h"
#include "runtime/base/closest.h"
#include "runtime/base/errors.h"
#include "runtime/base/printable.h"

namespace dcgan {
namespace {

constexpr std::size_t kMostUsage = 1000;  // bytes of a line about arguments

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (!command->get_group().empty()) names.push_back(command->get_name());
  }
  return names;
}

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

// The error in one line, with the command whose help lists what is possible.
std::string usage_line(const CLI::App* app, const CLI::Error& error) {
  const std::vector<CLI::App*> chosen = app->get_subcommands();
  const std::vector<std::string> extra = app->remaining();
  std::string what = error.what();
  if (chosen.empty() && !extra.empty()) {
    what = fmt::format("there is no command '{}'{}", printable(extra.front(), kMostShown),
                       did_you_mean(extra.front(), command_names(*app)));
  } else if (chosen.empty()) {
    what = "a command is required";
  } else if (const auto unknown = chosen.front()->remaining(); !unknown.empty()) {
    const std::string name = unknown.front().substr(0, unknown.front().find('='));
    what += did_you_mean(name, option_names(*chosen.front()));
  }
  const std::string command = chosen.empty() ? "" : " " + chosen.front()->get_name();
  return fmt::format("dcgan{}: {} (see dcgan{} --help)\n", command, printable(what, kMostUsage),
                     command);
}

// --batch_size=8 as --batch-size=8: no option's name has an underscore.
std::string with_dashes(std::string argument) {
  if (!argument.starts_with("--")) return argument;
  const auto end =
      argument.begin() + static_cast<std::ptrdiff_t>(std::min(argument.find('='), argument.size()));
  std::replace(argument.begin(), end, '_', '-');
  return argument;
}

// `help` and `help COMMAND` as `--help` and `COMMAND --help`, in the order that CLI11 parses: last
// first. An unknown command gets no --help, so that it is reported.
std::vector<std::string> reversed_arguments(const CLI::App& app, int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments.front() == "help") {
    arguments.erase(arguments.begin());
    const auto is_named = [&](const CLI::App* command) {
      return command->get_name() == arguments.front();
    };
    const std::vector<const CLI::App*> all = app.get_subcommands({});
    if (arguments.empty() || std::any_of(all.begin(), all.end(), is_named)) {
      arguments.emplace_back("--help");
    }
  }
  std::transform(arguments.begin(), arguments.end(), arguments.begin(), with_dashes);
  std::reverse(arguments.begin(), arguments.end());
  return arguments;
}

// A command whose output could not be written must not exit with 0. A line that failed earlier is
// no longer in the buffer: only the stream's error tells of it.
void flush_standard_output() {
  if (std::fflush(stdout) != 0) {
    fail(ErrorKind::io, "standard output: {}", std::generic_category().message(errno));
  }
  if (std::ferror(stdout) != 0) fail(ErrorKind::io, "standard output: cannot be written");
}

int run(int argc, char** argv) {
  CLI::App app{"Trains DCGANs (Goodfellow et al. 2014, Radford et al. 2016) on GPUs and CPUs.",
               "dcgan"};
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_help_flag("-h,--help", "print this help and exit");
  app.set_version_flag("--version", fmt::format("dcgan {}", kVersion),
                       "print the version and exit");
  app.require_subcommand(1);
  app.failure_message(usage_line);
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.footer(
      "dcgan COMMAND --help, or dcgan help COMMAND, prints the options and examples of a command.\n"
      "\n"
      "Exit codes:\n"
      "   0  done\n"
      "   1  verify: a tensor differs by more than its bound, or is not compared\n"
      "   2  wrong command line\n"
      "  65  damaged or unsupported input file\n"
      "  69  device, library or memory not available\n"
      "  70  internal error\n"
      "  74  reading or writing failed\n"
      "  75  stopped by a signal, checkpoint saved\n"
      "  78  options that contradict each other or do not fit the data\n"
      "  79  another rank is lost or late\n"
      "  80  training diverged");

  std::map<std::string, Command> commands;
  const auto add = [&](const char* name, const char* summary, Command (*command)(CLI::App&)) {
    CLI::App* sub = app.add_subcommand(name, summary)->group("Commands");
    commands.emplace(name, command(*sub));
  };
  add("train", "train a generator and a discriminator", add_train);
  add("pack", "write a data set into one file that all ranks of a machine share", add_pack);
  add("sample", "generate images with a trained generator", add_sample);
  add("interpolate", "interpolate between latent vectors, as an animated PNG", add_interpolate);
  add("plot", "draw a run's curves and sample grids as one PNG", add_plot);
  add("verify", "replay a training recorded in PyTorch and compare every tensor", add_verify);
  add("info", "print layers, parameters, FLOPs and memory of the networks", add_info);
  add("bench", "time the training step and the generator", add_bench);
  add("doctor", "print what this build and this machine support", add_doctor);
  add("options-page", "print docs/options.md", add_options_page);

  try {
    app.parse(reversed_arguments(app, argc, argv));
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);  // prints the help or the error
    if (code != 0) return static_cast<int>(ErrorKind::usage);
    std::cout.flush();
    flush_standard_output();
    return 0;
  }
  const int code = commands.at(app.get_subcommands().front()->get_name())();
  flush_standard_output();
  return code;
}

}  // namespace
}  // namespace dcgan

int main(int argc, char** argv) {
  dcgan::open_standard_streams();
  // A training must not miss a signal; other commands end at once.
  if (argc > 1 && std::string_view(argv[1]) == "train") dcgan::watch_stop_signals();
  dcgan::allow_stop_signals();
  // Lines appear as they are printed, also in a pipe: what a stopped run said is not lost.
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  // A write above the file size limit or to a reader that has left returns an error instead.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return dcgan::run(argc, argv);
  } catch (const dcgan::Error& error) {
    dcgan::print_error(error.what());
    return error.exit_code();
  } catch (const std::bad_alloc&) {
    dcgan::print_error("the host is out of memory");
    return static_cast<int>(dcgan::ErrorKind::unavailable);
  } catch (const std::filesystem::filesystem_error& error) {
    dcgan::print_error(error.path1().string() + ": " + error.code().message());
    return static_cast<int>(dcgan::ErrorKind::io);
  } catch (const std::system_error& error) {  // of printing
    const std::string what = std::ferror(stdout) != 0 ? "standard output: " : "";
    dcgan::print_error(what + error.code().message());
    return static_cast<int>(dcgan::ErrorKind::io);
  } catch (const std::exception& error) {
    dcgan::print_error(std::string("internal error: ") + error.what());
    return static_cast<int>(dcgan::ErrorKind::internal);
  }
}
