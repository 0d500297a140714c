#include "apps/run_option_flags.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/help_formatter.h"
#include "models/networks/model_config.h"
#include "models/run/option_defaults.h"
#include "models/run/option_values.h"
#include "runtime/io/files.h"

namespace dcgan {
namespace {

constexpr std::uint64_t kMaxConfigBytes = 1 << 20;

// The help of an option; 0 is explained where it is not the default.
template <class Value>
std::string help_text(const OptionInfo& info, const Value& initial) {
  std::string text(info.help);
  if constexpr (std::is_same_v<Value, bool>) text += fmt::format("; --no-{}: do not", info.name);
  if (!info.zero.empty() && initial != Value{}) text += fmt::format("; 0: {}", info.zero);
  return text;
}

template <class Value>
std::string default_text(const OptionInfo& info, const Value& initial) {
  if constexpr (std::is_same_v<Value, bool>) return initial ? "on" : "off";
  if (!info.zero.empty() && initial == Value{}) return std::string(info.zero);
  return option_values::to_text(initial);
}

// What --help shows in place of the value.
template <class Value>
std::string value_text(const OptionInfo& info) {
  if constexpr (std::is_enum_v<Value>) return fmt::format("{{{}}}", enum_choices<Value>(","));
  if constexpr (std::is_same_v<Value, DeviceRequest>) return kDevicePlaceholder;
  if (info.name == "preset") return fmt::format("{{{}}}", preset_names(","));
  if constexpr (std::is_same_v<Value, std::int64_t>) return "N";
  if constexpr (std::is_same_v<Value, double>) return "X";
  if constexpr (std::is_same_v<Value, std::vector<std::string>>) return "A,B,...";
  return "PATH";
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
      flag.option->type_name(value_text<Value>(info))
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    }
    flag.option->default_str(default_text(info, initial));
    flag.option->group(std::string(info.group));
  });
  app.add_option("--config", config_,
                 "JSON file of options by their long names; the command line has precedence")
      ->type_name("PATH")
      ->group("Run");
}

RunOptions RunOptionFlags::effective(RunOptions options) const {
  if (!config_.empty()) {
    replace_limits(apply_json(options, read_text_file(config_, kMaxConfigBytes), config_), options);
  }
  std::vector<std::string> names;
  for (const Flag& flag : flags_) {
    if (flag.negation != nullptr && flag.option->count() > 0 && flag.negation->count() > 0) {
      fail(ErrorKind::usage, "--{} and --no-{} contradict each other", flag.name, flag.name);
    }
    if (!flag.given()) continue;
    set_option(options, flag.name, flag.text);
    names.push_back(flag.name);
  }
  replace_limits(names, options);
  return options;
}

std::vector<std::string> RunOptionFlags::named() const {
  std::vector<std::string> names;
  if (!config_.empty()) {
    RunOptions unused;
    names = apply_json(unused, read_text_file(config_, kMaxConfigBytes), config_);
  }
  for (const Flag& flag : flags_) {
    if (flag.given()) names.push_back(flag.name);
  }
  return names;
}

bool RunOptionFlags::given(std::string_view name) const {
  return std::any_of(flags_.begin(), flags_.end(),
                     [name](const Flag& flag) { return flag.name == name && flag.given(); });
}

}  // namespace dcgan
