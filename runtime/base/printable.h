// Text from outside (names in files, paths, arguments) as messages show it: it cannot forge a line
// of ours, steer a terminal or fill a screen.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dcgan {

inline constexpr std::size_t kMostShown = 200;     // bytes of a name
inline constexpr std::size_t kMostMessage = 8000;  // bytes of a whole message: some paths and names

/// The text with control characters, marks that reorder or break lines, and bytes that are not
/// UTF-8 as escapes (\n, \x1b, \u202e); from `most` bytes on it is cut, with the number of bytes
/// left out. A backslash stays as it is, so the result is for reading only.
std::string printable(std::string_view text, std::size_t most = kMostMessage);

/// The same in quotes, at most kMostShown bytes.
std::string in_quotes(std::string_view text);

/// Strictly: no overlong forms, no surrogates.
bool is_utf8(std::string_view text);

/// "a, b, c and 9 more": at most eight items, each printable.
std::string first_few(const std::vector<std::string>& items, std::string_view separator = ", ");

}  // namespace dcgan
