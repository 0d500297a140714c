#include "apps/messages.h"

#include <fcntl.h>
#include <unistd.h>

#include "runtime/base/printable.h"

namespace dcgan {

void open_standard_streams() {
  // open() takes the lowest free number. The wrong direction, so that use is an error.
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(number, F_GETFD) >= 0) continue;
    const int opened = ::open("/dev/null", number == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    if (opened < 0) ::_exit(74);
  }
}

void print_line(std::FILE* to, std::string_view line) noexcept {
  try {
    std::fputs((printable(line) + "\n").c_str(), to);
  } catch (const std::exception&) {  // no memory for the copy
    std::fputs("dcgan: a message is left out: the host is out of memory\n", to);
  }
  std::fflush(to);
  std::clearerr(to);
}

void print_error(std::string_view what) noexcept {
  try {
    print_line(stderr, "dcgan: " + std::string(what));
  } catch (const std::exception&) {
    print_line(stderr, "dcgan: the host is out of memory");
  }
}

void print_warning(const std::string& message) { print_message("warning: {}", message); }

void print_note(const std::string& message) { print_message("note: {}", message); }

void print_dataset(const Dataset& dataset) {
  print_message("data: {}, {} images {}x{}x{}", dataset.name, dataset.size(), dataset.shape[1],
                dataset.shape[2], dataset.shape[3]);
  if (!dataset.left_out.empty()) {
    print_message("data: left out: {}", describe(dataset.left_out));
  }
  if (!dataset.skipped.empty()) {
    print_message("data: {} images could not be decoded and were skipped", dataset.skipped.size());
  }
  for (const std::string& note : dataset.notes) print_message("data: {}", note);
  for (const SkippedFile& file : dataset.skipped) {
    print_message("data: skipped {}: {}", file.path, file.reason);
  }
}

void print_device_notice(std::string_view line) { print_message("device: {}", line); }

}  // namespace dcgan
