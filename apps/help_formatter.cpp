#include "apps/help_formatter.h"

#include <fmt/format.h>

namespace dcgan {
namespace {

constexpr std::size_t kLineColumns = 100;
constexpr std::size_t kNameColumns = 34;

// Breaks between words; CLI11 indents the lines that follow.
std::string wrapped(const std::string& text, std::size_t columns) {
  std::string result;
  std::size_t used = 0;
  for (const std::string& word : CLI::detail::split(text, ' ')) {
    if (used > 0 && used + 1 + word.size() > columns) {
      result += '\n';
      used = 0;
    } else if (used > 0) {
      result += ' ';
      ++used;
    }
    result += word;
    used += word.size();
  }
  return result;
}

}  // namespace

HelpFormatter::HelpFormatter() {
  column_width(kNameColumns);
  label("SUBCOMMAND", "COMMAND");
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string name,
                                     CLI::AppFormatMode mode) const {
  const std::string text = Formatter::make_help(app, std::move(name), mode);
  return CLI::detail::find_and_replace(text, "\n\n\n", "\n\n");
}

std::string HelpFormatter::make_option_opts(const CLI::Option* option) const {
  const std::string value = placeholder(*option);
  return value.empty() ? value : " " + value;
}

std::string HelpFormatter::make_option_desc(const CLI::Option* option) const {
  std::string text = option->get_description();
  if (option->get_required()) text += " (required)";
  if (!option->get_default_str().empty()) text += fmt::format(" [{}]", option->get_default_str());
  return wrapped(text, kLineColumns - kNameColumns);
}

std::string placeholder(const CLI::Option& option) {
  if (option.get_type_size() == 0) return {};
  const std::string name = option.get_type_name();
  // What follows a colon describes the check of the range.
  return name.starts_with('{') ? name : name.substr(0, name.find(':'));
}

}  // namespace dcgan
