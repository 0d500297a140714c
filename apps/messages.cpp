#include "apps/messages.h"

#include <fmt/format.h>

namespace dcgan {

void print_warning(const std::string& message) { fmt::print(stderr, "warning: {}\n", message); }

void print_note(const std::string& message) { fmt::print(stderr, "note: {}\n", message); }

void print_dataset(const Dataset& dataset) {
  fmt::print(stderr, "data: {}, {} images {}x{}x{}\n", dataset.name, dataset.size(),
             dataset.shape[1], dataset.shape[2], dataset.shape[3]);
  for (const std::string& note : dataset.notes) fmt::print(stderr, "data: {}\n", note);
  for (const SkippedFile& file : dataset.skipped) {
    fmt::print(stderr, "data: skipped {}: {}\n", file.path, file.reason);
  }
}

void print_device_notice(std::string_view line) { fmt::print(stderr, "device: {}\n", line); }

}  // namespace dcgan
