// dcgan: train, sample and examine DCGANs.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <map>
#include <new>
#include <system_error>

#include "apps/commands.h"
#include "runtime/base/build_config.h"
#include "runtime/base/errors.h"

namespace dcgan {
namespace {

// The complaint in one line, with where the right words are listed.
std::string usage_line(const CLI::App* app, const CLI::Error& error) {
  const std::vector<CLI::App*> chosen = app->get_subcommands();
  const std::vector<std::string> extra = app->remaining();
  std::string what = error.what();
  if (chosen.empty() && !extra.empty()) {
    what = fmt::format("there is no command '{}'", extra.front());
  } else if (chosen.empty()) {
    what = "a command is needed";
  }
  const std::string command = chosen.empty() ? "" : " " + chosen.front()->get_name();
  return fmt::format("dcgan{}: {} (dcgan{} --help lists {})\n", command, what, command,
                     chosen.empty() ? "them" : "the options");
}

// What a command printed must arrive, or the exit code says that it did not.
void flush_standard_output() {
  if (std::fflush(stdout) == 0) return;
  fail(ErrorKind::io, "standard output: {}", std::generic_category().message(errno));
}

int run(int argc, char** argv) {
  CLI::App app{"Trains DCGANs (Goodfellow et al. 2014, Radford et al. 2016) on GPUs and CPUs.",
               "dcgan"};
  app.set_version_flag("--version", fmt::format("dcgan {}", kVersion));
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  app.failure_message(usage_line);
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.footer(
      "dcgan COMMAND --help shows a command's options and examples.\n"
      "Exit codes: 0 done, 2 usage, 65 bad data, 69 device unavailable, 70 internal,\n"
      "74 input/output, 75 stopped by a signal and saved, 78 configuration, 80 diverged.");

  std::map<std::string, Command> commands;
  const auto add = [&](const char* name, const char* summary, Command (*command)(CLI::App&)) {
    CLI::App* sub = app.add_subcommand(name, summary);
    commands.emplace(name, command(*sub));
  };
  add("train", "train a generator and a discriminator", add_train);
  add("sample", "draw images from a trained generator", add_sample);
  add("interpolate", "interpolate between latent vectors, as an animated PNG", add_interpolate);
  add("verify", "replay a PyTorch trace and compare every tensor", add_verify);
  add("info", "layers, shapes, parameters, FLOPs and memory of a network", add_info);
  add("bench", "time the training step and the generator", add_bench);
  add("doctor", "what this machine and this build can do", add_doctor);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);  // prints help or the complaint
    return code == 0 ? 0 : static_cast<int>(ErrorKind::usage);
  }
  const int code = commands.at(app.get_subcommands().front()->get_name())();
  flush_standard_output();
  return code;
}

}  // namespace
}  // namespace dcgan

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // the write that is too large fails instead, and says so
  try {
    return dcgan::run(argc, argv);
  } catch (const dcgan::Error& error) {
    fmt::print(stderr, "dcgan: {}\n", error.what());
    return error.exit_code();
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "dcgan: the host is out of memory\n");
    return static_cast<int>(dcgan::ErrorKind::unavailable);
  } catch (const std::system_error& error) {  // of printing, or of the file system
    fmt::print(stderr, "dcgan: {}\n", error.what());
    return static_cast<int>(dcgan::ErrorKind::io);
  } catch (const std::exception& error) {
    fmt::print(stderr, "dcgan: internal error: {}\n", error.what());
    return static_cast<int>(dcgan::ErrorKind::internal);
  }
}
