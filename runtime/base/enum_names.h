// The words that options, files and messages use for the values of an enum. Each enum's table
// stands beside the enum: constexpr auto enum_table(Enum) returns a NameTable.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/base/errors.h"

namespace dcgan {

template <class Enum, std::size_t n>
using NameTable = std::array<std::pair<std::string_view, Enum>, n>;

template <class Enum>
std::string_view enum_name(Enum value) {
  for (const auto& [name, entry] : enum_table(Enum{})) {
    if (entry == value) return name;
  }
  fail(ErrorKind::internal, "enum: no name for value {}", static_cast<int>(value));
}

/// All names with `separator` between them: for help and messages.
template <class Enum>
std::string enum_choices(std::string_view separator = ", ") {
  std::string choices;
  for (const auto& [name, entry] : enum_table(Enum{})) {
    if (!choices.empty()) choices += separator;
    choices += name;
  }
  return choices;
}

/// Throws Error(usage) listing the choices when the word is none of them.
template <class Enum>
Enum enum_from_name(std::string_view word, std::string_view option) {
  for (const auto& [name, entry] : enum_table(Enum{})) {
    if (name == word) return entry;
  }
  fail(ErrorKind::usage, "--{}: '{}' is none of {}", option, word, enum_choices<Enum>());
}

}  // namespace dcgan
