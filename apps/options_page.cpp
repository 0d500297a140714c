// dcgan options-page: docs/options.md from the options themselves. Not listed in --help.

#include <fmt/format.h>

#include <cctype>
#include <map>

#include "apps/commands.h"
#include "apps/help_formatter.h"
#include "models/run/run_options.h"

namespace dcgan {
namespace {

constexpr const char* kIntroduction =
    R"(<!-- Written by the program: build/release/dcgan options-page > docs/options.md -->
# Options

`dcgan COMMAND --help` prints the same. Order of precedence: the default, the JSON file of `--config` or
the checkpoint of `--resume`, the command line. The last of a repeated option counts. A switch such as
`--flip` has a counterpart `--no-flip` that turns off what a file or a checkpoint has turned on. In JSON,
options have their long names without dashes, and 0 or an empty value stands for a default in words.
)";

using OptionTable = std::map<std::string, OptionInfo>;

OptionTable run_options() {
  OptionTable table;
  RunOptions options;
  visit_options(options, [&table](const OptionInfo& info, const auto&) {
    table.emplace(std::string(info.name), info);
  });
  return table;
}

std::string as_code(std::string_view text) { return fmt::format("`{}`", text); }

std::string names_of(const CLI::Option& option) {
  std::string names;
  for (const std::string& name : option.get_lnames()) {
    names += (names.empty() ? "`--" : ", `--") + name + "`";
  }
  return names;
}

// "`N`", or the choices one by one.
std::string value_of(const CLI::Option& option) {
  std::string value = placeholder(option);
  if (!value.starts_with('{')) return value.empty() ? value : as_code(value);
  value = value.substr(1, value.size() - 2);
  return "`" + CLI::detail::find_and_replace(value, ",", "`, `") + "`";
}

void print_table(const std::vector<const CLI::Option*>& options, const OptionTable* resumed) {
  fmt::print("\n| option | value | meaning | default |{}\n|---|---|---|---|{}\n",
             resumed ? " resume |" : "", resumed ? "---|" : "");
  for (const CLI::Option* option : options) {
    const std::string meaning =
        option->get_description() + (option->get_required() ? " (required)" : "");
    fmt::print("| {} | {} | {} | {} |", names_of(*option), value_of(*option), meaning,
               option->get_default_str());
    if (resumed) {
      const auto found = resumed->find(option->get_lnames().front());
      const bool fixed = found != resumed->end() && found->second.on_resume == OnResume::keeps;
      fmt::print(" {} |", found == resumed->end() ? "" : fixed ? "fixed" : "free");
    }
    fmt::print("\n");
  }
}

std::vector<const CLI::Option*> options_of(const CLI::App& command, const std::string& group) {
  return command.get_options([&](const CLI::Option* option) {
    return option->get_group() == group && option != command.get_help_ptr();
  });
}

void print_train(const CLI::App& command, const OptionTable& table) {
  fmt::print(
      "\n## dcgan train\n\nThe last column: a resumed run keeps a `fixed` option (another value is "
      "refused) and may\nchange a `free` one.\n");
  for (const std::string& group : command.get_groups()) {
    const auto options = options_of(command, group);
    if (group.empty() || options.empty()) continue;
    fmt::print("\n### {}\n", group);
    print_table(options, &table);
  }
}

// Options of its own in a table; those that `train` explains by name.
void print_command(const CLI::App& command, const OptionTable& table) {
  std::vector<const CLI::Option*> own;
  std::string shared;
  for (const std::string& group : command.get_groups()) {
    if (group.empty()) continue;
    for (const CLI::Option* option : options_of(command, group)) {
      const std::string name = option->get_lnames().front();
      const auto found = table.find(name);
      const bool is_shared =
          name == "config" || (found != table.end() && found->second.group == group);
      if (!is_shared) {
        own.push_back(option);
      } else {
        shared += (shared.empty() ? "" : ", ") + as_code("--" + name);
      }
    }
  }
  std::string purpose = command.get_description();
  purpose.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(purpose.front())));
  fmt::print("\n## dcgan {}\n\n{}.\n", command.get_name(), purpose);
  if (!own.empty()) print_table(own, nullptr);
  if (!shared.empty()) fmt::print("\nOptions of `train`: {}.\n", shared);
}

int options_page(const CLI::App& program) {
  const OptionTable table = run_options();
  fmt::print("{}", kIntroduction);
  for (const CLI::App* command : program.get_subcommands({})) {
    if (command->get_group().empty()) continue;
    if (command->get_name() == "train") {
      print_train(*command, table);
    } else {
      print_command(*command, table);
    }
  }
  return 0;
}

}  // namespace

Command add_options_page(CLI::App& app) {
  app.group("");  // not listed in --help
  return [&app] { return options_page(*app.get_parent()); };
}

}  // namespace dcgan
