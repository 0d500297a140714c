#include "apps/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "apps/messages.h"

namespace dcgan {
std::string duration_text(double seconds) {
  const auto total = static_cast<std::int64_t>(seconds + 0.5);
  const std::int64_t hours = total / 3600, minutes = total / 60 % 60;
  return hours > 0 ? fmt::format("{}:{:02}:{:02}", hours, minutes, total % 60)
                   : fmt::format("{}:{:02}", minutes, total % 60);
}

namespace {

std::size_t terminal_columns() {
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return known ? size.ws_col : 80;
}

std::string bar_text(double done) {
  constexpr int kWidth = 24;
  const int filled = static_cast<int>(kWidth * done);
  return fmt::format("[{:#>{}}{:.>{}}]", "", filled, "", kWidth - filled);
}

}  // namespace

std::string progress_line(const StepReport& r, std::size_t columns) {
  enum Part { bar, percentage, epoch, step, rate, left, kParts };
  std::array<std::string, kParts> parts;
  if (r.steps > 0) {
    const double done = std::min(1.0, static_cast<double>(r.step) / static_cast<double>(r.steps));
    parts[bar] = bar_text(done);
    parts[percentage] = fmt::format("{}%", static_cast<int>(100 * done));
  }
  parts[epoch] = r.epochs > 0 ? fmt::format("epoch {}/{}", r.epoch + 1, r.epochs)
                              : fmt::format("epoch {}", r.epoch + 1);
  parts[step] =
      r.steps > 0 ? fmt::format("step {}/{}", r.step, r.steps) : fmt::format("step {}", r.step);
  if (r.images_per_second > 0) parts[rate] = fmt::format("{:.0f} images/s", r.images_per_second);
  if (r.seconds_left >= 0) parts[left] = fmt::format("{} left", duration_text(r.seconds_left));
  const auto joined = [&parts] {
    std::string text;
    for (const std::string& part : parts) {
      if (!part.empty()) text += (text.empty() ? "" : "  ") + part;
    }
    return text;
  };
  for (const Part dropped : {bar, rate, epoch, left}) {
    if (joined().size() <= columns) break;
    parts[dropped].clear();
  }
  return joined().substr(0, columns);
}

Progress::Progress() : terminal_(isatty(STDERR_FILENO) == 1) {}

void Progress::on_step(const StepReport& report) {
  const auto now = std::chrono::steady_clock::now();
  if (!terminal_ || now - last_drawn_ < std::chrono::milliseconds(200)) return;
  last_drawn_ = now;
  // The last column stays free: some terminals wrap when it is written.
  const std::string text = progress_line(report, terminal_columns() - 1);
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
