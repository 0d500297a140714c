#include "runtime/base/closest.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace dcgan {
namespace {

// Optimal string alignment: Levenshtein's distance in which two neighbours that change places count
// as one change.
std::size_t distance(std::string_view one, std::string_view other) {
  std::vector<std::size_t> before_last, last, row(other.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= one.size(); ++i) {
    before_last = std::exchange(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= other.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (one[i - 1] == other[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      const bool swapped =
          i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row.back();
}

constexpr std::size_t kLongest = 64;  // bytes of a word that is looked at

}  // namespace

std::string same_spelling(std::string_view word) {
  std::string result(word);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '_') c = '-';
  }
  return result;
}

std::string closest_name(std::string_view word, const std::vector<std::string>& names) {
  if (word.size() > kLongest) return {};
  const std::string wanted = same_spelling(word);
  std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
  std::string found;
  for (const std::string& name : names) {
    const std::size_t changes = distance(wanted, same_spelling(name));
    if (changes >= least) continue;
    least = changes;
    found = name;
  }
  return found;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& names) {
  const std::string name = closest_name(word, names);
  return name.empty() ? "" : ", did you mean " + name + "?";
}

}  // namespace dcgan
