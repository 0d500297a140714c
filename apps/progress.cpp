#include "apps/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "apps/messages.h"

namespace dcgan {
std::string duration_text(double seconds) {
  const auto total = static_cast<std::int64_t>(seconds + 0.5);
  const std::int64_t hours = total / 3600, minutes = total / 60 % 60;
  return hours > 0 ? fmt::format("{}:{:02}:{:02}", hours, minutes, total % 60)
                   : fmt::format("{}:{:02}", minutes, total % 60);
}

Progress::Progress() : terminal_(isatty(STDERR_FILENO) == 1) {}

void Progress::on_step(const StepReport& report) {
  const auto now = std::chrono::steady_clock::now();
  if (!terminal_ || now - last_drawn_ < std::chrono::milliseconds(200)) return;
  last_drawn_ = now;
  constexpr int kWidth = 24;
  std::string text;
  if (report.steps > 0) {
    const int filled = static_cast<int>(kWidth * report.step / report.steps);
    text = fmt::format("[{:#>{}}{:.>{}}] ", "", filled, "", kWidth - filled);
  }
  text += report.steps > 0 ? fmt::format("step {}/{}", report.step, report.steps)
                           : fmt::format("step {}", report.step);
  text += fmt::format("  {:.0f} images/s", report.images_per_second);
  if (report.seconds_left >= 0)
    text += fmt::format("  {} left", duration_text(report.seconds_left));
  std::fputs(("\r\033[K" + text).c_str(), stderr);
  bar_shown_ = true;
}

void Progress::on_log(const StepReport& report) {
  clear_bar();
  std::string line = example_log_line(report);
  if (!terminal_) {
    line += fmt::format("  {:.0f} images/s", report.images_per_second);
    if (report.seconds_left >= 0)
      line += fmt::format(", {} left", duration_text(report.seconds_left));
  }
  print_line(stdout, line);
  name_straggler(report);
}

// Once for each rank that the others begin to wait for; at the second log line in a row, because
// the first steps and a pause of the machine say little.
void Progress::name_straggler(const StepReport& report) {
  const int rank = report.step > 1 ? straggler(report.rank_rates) : -1;
  const bool again = rank >= 0 && rank == suspect_;
  suspect_ = rank;
  if (rank < 0) named_ = -1;
  if (!again || rank == named_) return;
  named_ = rank;
  print_line(stderr,
             fmt::format("note: the others wait for rank {}: by itself it makes {:.0f} "
                         "images/s, the fastest {:.0f}",
                         rank, report.rank_rates[static_cast<std::size_t>(rank)],
                         *std::max_element(report.rank_rates.begin(), report.rank_rates.end())));
}

void Progress::on_file(const std::filesystem::path& path) {
  clear_bar();
  print_line(stderr, "wrote " + path.string());
}

void Progress::finish() { clear_bar(); }

void Progress::clear_bar() {
  if (!bar_shown_) return;
  std::fputs("\r\033[K", stderr);
  bar_shown_ = false;
}

}  // namespace dcgan
