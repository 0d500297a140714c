// dcgan: train, sample and examine DCGANs.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <map>
#include <new>

#include "apps/commands.h"
#include "runtime/base/build_config.h"
#include "runtime/base/errors.h"

namespace dcgan {
namespace {

int run(int argc, char** argv) {
  CLI::App app{"Trains DCGANs (Goodfellow et al. 2014, Radford et al. 2016) on GPUs and CPUs.", "dcgan"};
  app.set_version_flag("--version", fmt::format("dcgan {}", kVersion));
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  app.footer("dcgan COMMAND --help shows a command's options and examples.\n"
             "Exit codes: 0 done, 2 usage, 65 bad data, 69 device unavailable, 70 internal,\n"
             "74 input/output, 75 stopped by a signal and saved, 78 configuration, 80 diverged.");

  std::map<std::string, Command> commands;
  const auto add = [&](const char* name, const char* summary, Command (*command)(CLI::App&)) {
    CLI::App* sub = app.add_subcommand(name, summary);
    commands.emplace(name, command(*sub));
  };
  add("train", "train a generator and a discriminator", add_train);
  add("sample", "draw images from a trained generator", add_sample);
  add("interpolate", "walk through the latent space, as an animated PNG", add_interpolate);
  add("verify", "replay a PyTorch trace and compare every tensor", add_verify);
  add("info", "layers, shapes, parameters, FLOPs and memory of a network", add_info);
  add("doctor", "what this machine and this build can do", add_doctor);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);  // prints help or the complaint
    return code == 0 ? 0 : static_cast<int>(ErrorKind::usage);
  }
  return commands.at(app.get_subcommands().front()->get_name())();
}

}  // namespace
}  // namespace dcgan

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe on standard output must not end a training
  try {
    return dcgan::run(argc, argv);
  } catch (const dcgan::Error& error) {
    fmt::print(stderr, "dcgan: {}\n", error.what());
    return error.exit_code();
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "dcgan: the host is out of memory\n");
    return static_cast<int>(dcgan::ErrorKind::unavailable);
  } catch (const std::exception& error) {
    fmt::print(stderr, "dcgan: internal error: {}\n", error.what());
    return static_cast<int>(dcgan::ErrorKind::internal);
  }
}
