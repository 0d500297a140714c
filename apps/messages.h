// Lines on standard error, and standard streams that may be closed or full.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "models/data/dataset.h"

namespace dcgan {

/// First thing in main: opens the null device on each of the descriptors 0 to 2 that is closed, so
/// that no file of ours gets its number. Writing to it still fails, as it would to a closed one.
void open_standard_streams();

/// One line, as printable() shows it. Never throws: a message that cannot be written changes
/// neither a training nor an exit code.
void print_line(std::FILE* to, std::string_view line) noexcept;

/// A line on standard error.
template <class... Args>
void print_message(fmt::format_string<Args...> format, Args&&... args) {
  print_line(stderr, fmt::format(format, std::forward<Args>(args)...));
}

/// "dcgan: ...": why the program ends.
void print_error(std::string_view what) noexcept;

/// "warning: ...": what find_checkpoint() and load_generator() pass over.
void print_warning(const std::string& message);

/// "note: ...".
void print_note(const std::string& message);

/// "data: ...": what was loaded, its notes, and the files that were left out.
void print_dataset(const Dataset& dataset);

/// "device: ...", for open_device(): what was chosen, and why.
void print_device_notice(std::string_view line);

}  // namespace dcgan
