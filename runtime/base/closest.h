// "did you mean": the name that a mistyped one is nearest to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dcgan {

/// The first name with the least number of changes (a character more, less or another, two that
/// change places; case, '-' and '_' are no changes), when these are at most a third of the word,
/// and one at least may be; else empty.
std::string closest_name(std::string_view word, const std::vector<std::string>& names);

/// ", did you mean NAME?", or nothing.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& names);

/// The word in lower case with '-' for each '_': two words that agree in this differ in spelling
/// only.
std::string same_spelling(std::string_view word);

}  // namespace dcgan
