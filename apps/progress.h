// Progress of a training: a line with a bar on a terminal, plain lines otherwise.
#pragma once

#include <chrono>
#include <string>

#include "models/run/observer.h"

namespace dcgan {

/// "1:02:03", or "2:03" below an hour.
std::string duration_text(double seconds);

/// The line of a terminal, at most `columns` long: bar, percentage, epoch, step, rate, time left.
/// Where they do not fit, the bar goes first, then rate, epoch and time left.
std::string progress_line(const StepReport& report, std::size_t columns);

/// Log lines on standard output, the bar and the files' names on standard error.
class Progress : public TrainingObserver {
 public:
  Progress();
  void on_step(const StepReport& report) override;
  void on_log(const StepReport& report) override;
  void on_file(const std::filesystem::path& path) override;
  void finish();  ///< removes the bar

 private:
  void clear_bar();
  void name_straggler(const StepReport& report);
  bool terminal_;
  bool bar_shown_ = false;
  int suspect_ = -1;  // the straggler of the last log line
  int named_ = -1;    // the one that the user knows of
  std::chrono::steady_clock::time_point last_drawn_{};
};

}  // namespace dcgan
