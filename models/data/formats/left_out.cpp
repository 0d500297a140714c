#include "models/data/formats/left_out.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "runtime/base/errors.h"

namespace dcgan {
namespace {

std::string_view text_of(LeftOutReason reason) {
  switch (reason) {
    case LeftOutReason::system_name:
      return "with hidden or system names";
    case LeftOutReason::run_output:
      return "written by a training run";
    case LeftOutReason::beside_classes:
      return "beside the class folders";
    case LeftOutReason::empty_class:
      return "folders without a picture";
    case LeftOutReason::no_picture:
      return "of no picture format";
    case LeftOutReason::unopened:
      return "that cannot be opened";
  }
  fail(ErrorKind::internal, "left out: unknown reason {}", static_cast<int>(reason));
}

}  // namespace

void add_left_out(std::vector<LeftOut>& list, LeftOutReason reason, const std::string& name) {
  const auto place =
      std::lower_bound(list.begin(), list.end(), reason,
                       [](const LeftOut& entry, LeftOutReason r) { return entry.reason < r; });
  if (place == list.end() || place->reason != reason) {
    list.insert(place, {reason, 1, name});
    return;
  }
  ++place->count;
  place->example = std::min(place->example, name);
}

bool might_be_data(LeftOutReason reason) {
  return reason != LeftOutReason::system_name && reason != LeftOutReason::run_output;
}

std::string describe(const std::vector<LeftOut>& list) {
  std::string text;
  for (const LeftOut& entry : list) {
    text += fmt::format("{}{} {} ({}{})", text.empty() ? "" : "; ", entry.count,
                        text_of(entry.reason), entry.example, entry.count > 1 ? ", ..." : "");
  }
  return text;
}

bool is_system_name(const std::string& name) {
  if (name.starts_with('.')) return true;
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  // Windows, macOS' archives, Synology's indexes, a file system's own folders.
  constexpr std::array<std::string_view, 8> kNames{
      "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information",
      "__macosx",  "@eadir",      "lost+found"};
  return std::find(kNames.begin(), kNames.end(), lower) != kNames.end();
}

}  // namespace dcgan
