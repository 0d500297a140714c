// JSON from outside, checked before it is parsed into a document.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dcgan {

/// Deeper nesting is refused: nothing of ours needs more than a few levels, and a library that
/// walks a document by recursion ends at 100,000 of them.
inline constexpr int kMostJsonLevels = 100;

/// Why the text cannot be used, in a few words without the text itself: it is no JSON (with the
/// byte), is nested too deep, or holds a number that a double cannot. Nothing when it can; parsing
/// it then throws nothing.
std::optional<std::string> json_fault(std::string_view text);

}  // namespace dcgan
