#include "apps/run_option_flags.h"

#include <fmt/format.h>

#include <algorithm>

#include "models/run/option_values.h"
#include "runtime/io/files.h"

namespace dcgan {
namespace {

constexpr std::uint64_t kMaxConfigBytes = 1 << 20;

template <class Value>
std::string help_text(const OptionInfo& info, const Value& initial) {
  std::string text(info.help);
  if constexpr (std::is_enum_v<Value>) text += fmt::format(": {}", enum_choices<Value>());
  if constexpr (std::is_same_v<Value, std::vector<std::string>>) return text;
  if constexpr (std::is_same_v<Value, bool>) return text + fmt::format("; --no-{}: not", info.name);
  const std::string value = option_values::to_text(initial);
  if (!value.empty()) text += fmt::format(" [{}]", value);
  return text;
}

template <class Value>
constexpr const char* type_name() {
  if constexpr (std::is_same_v<Value, std::int64_t>) return "INT";
  if constexpr (std::is_same_v<Value, double>) return "FLOAT";
  if constexpr (std::is_same_v<Value, std::vector<std::string>>) return "LIST";
  return "TEXT";
}

std::string flag_names(const OptionInfo& info) {
  std::string names = fmt::format("--{}", info.name);
  for (const std::string_view alias : info.aliases) names += fmt::format(",--{}", alias);
  return names;
}

}  // namespace

RunOptionFlags::RunOptionFlags(CLI::App& app, const std::vector<std::string_view>& chosen) {
  const RunOptions defaults;
  const auto is_chosen = [&chosen](std::string_view word) {
    return std::find(chosen.begin(), chosen.end(), word) != chosen.end();
  };
  visit_options(defaults, [&]<class Value>(const OptionInfo& info, const Value& initial) {
    if (!is_chosen(info.group) && !is_chosen(info.name)) return;
    Flag& flag = flags_.emplace_back();
    flag.name = info.name;
    if constexpr (std::is_same_v<Value, bool>) {
      flag.option = app.add_flag_callback(
          flag_names(info), [&flag] { flag.text = "true"; }, help_text(info, initial));
      flag.negation = app.add_flag_callback(fmt::format("--no-{}", info.name),
                                            [&flag] { flag.text = "false"; });
      flag.negation->group("");  // named in the other's help
    } else {
      flag.option = app.add_option(flag_names(info), flag.text, help_text(info, initial));
      flag.option->type_name(type_name<Value>())
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    }
    flag.option->group(std::string(info.group));
  });
  app.add_option("--config", config_,
                 "JSON file of options by their long names; the command line wins")
      ->group("Run");
}

RunOptions RunOptionFlags::effective(RunOptions options) const {
  if (!config_.empty()) {
    apply_json(options, read_text_file(config_, kMaxConfigBytes), config_);
  }
  for (const Flag& flag : flags_) {
    if (flag.negation != nullptr && flag.option->count() > 0 && flag.negation->count() > 0) {
      fail(ErrorKind::usage, "--{} and --no-{} contradict each other", flag.name, flag.name);
    }
    if (flag.given()) set_option(options, flag.name, flag.text);
  }
  return options;
}

bool RunOptionFlags::given(std::string_view name) const {
  return std::any_of(flags_.begin(), flags_.end(),
                     [name](const Flag& flag) { return flag.name == name && flag.given(); });
}

}  // namespace dcgan
