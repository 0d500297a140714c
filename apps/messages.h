// Lines on standard error besides errors.
#pragma once

#include <string>
#include <string_view>

#include "models/data/dataset.h"

namespace dcgan {

/// "warning: ...": what find_checkpoint() and load_generator() pass over.
void print_warning(const std::string& message);

/// "note: ...".
void print_note(const std::string& message);

/// "data: ...": what was loaded, its notes, and the files that were left out.
void print_dataset(const Dataset& dataset);

/// "device: ...", for open_device(): what was chosen, and why.
void print_device_notice(std::string_view line);

}  // namespace dcgan
