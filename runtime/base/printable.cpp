#include "runtime/base/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace dcgan {
namespace {

struct Character {
  std::uint32_t code = 0;
  std::size_t bytes = 0;  // 0: not UTF-8
};

// Strict UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return {};
  std::uint32_t code = lead & (0x7fU >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3fU);
  }
  const bool overlong = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  if (overlong || surrogate || code > 0x10ffff) return {};
  return {code, bytes};
}

// Controls (C0, DEL, C1), line and paragraph separators, and marks of direction.
bool is_harmful(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069) || code == 0x200e || code == 0x200f || code == 0x61c;
}

std::string escaped(std::uint32_t code) {
  switch (code) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return code < 0x100 ? fmt::format("\\x{:02x}", code) : fmt::format("\\u{:04x}", code);
  }
}

}  // namespace

std::string printable(std::string_view text, std::size_t most) {
  std::string result;
  while (!text.empty()) {
    const Character character = first_character(text);
    const std::size_t bytes = std::max<std::size_t>(character.bytes, 1);
    std::string shown(text.substr(0, bytes));
    if (character.bytes == 0) {
      shown = fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    } else if (is_harmful(character.code)) {
      shown = escaped(character.code);
    }
    if (result.size() + shown.size() > most) {
      return result + fmt::format("... ({} more bytes)", text.size());
    }
    result += shown;
    text.remove_prefix(bytes);
  }
  return result;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const Character character = first_character(text);
    if (character.bytes == 0) return false;
    text.remove_prefix(character.bytes);
  }
  return true;
}

std::string in_quotes(std::string_view text) { return "\"" + printable(text, kMostShown) + "\""; }

std::string first_few(const std::vector<std::string>& items, std::string_view separator) {
  constexpr std::size_t kFew = 8;
  std::string result;
  for (std::size_t i = 0; i < std::min(items.size(), kFew); ++i) {
    if (i > 0) result += separator;
    result += printable(items[i], 2 * kMostShown);
  }
  if (items.size() > kFew) result += fmt::format(" and {} more", items.size() - kFew);
  return result;
}

}  // namespace dcgan
