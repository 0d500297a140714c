#include "models/profiling/timing.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "runtime/base/errors.h"
#include "runtime/device/event.h"

namespace dcgan {

double Timing::quantile(double q) const {
  DCGAN_CHECK(!milliseconds.empty() && q >= 0 && q <= 1, "timing: quantile {} of {} samples", q,
              milliseconds.size());
  std::vector<double> sorted = milliseconds;
  std::sort(sorted.begin(), sorted.end());
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], place - static_cast<double>(below));
}

Timing time_repeats(int warm_up, int repeats, const std::function<void()>& body) {
  DCGAN_CHECK(repeats >= 1, "timing: {} repeats", repeats);
  for (int i = 0; i < warm_up; ++i) body();
  Timing timing;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    body();
    const std::chrono::duration<double, std::milli> elapsed =
        std::chrono::steady_clock::now() - start;
    timing.milliseconds.push_back(elapsed.count());
  }
  return timing;
}

Timing time_enqueued(const Context& context, int warm_up, int repeats,
                     const std::function<void()>& body) {
  DCGAN_CHECK(repeats >= 1, "timing: {} repeats", repeats);
  for (int i = 0; i < warm_up; ++i) body();
  context.synchronize();
  std::vector<Event> marks;  // made before: that takes time, too
  for (int i = 0; i <= repeats; ++i) marks.emplace_back(context);
  for (int i = 0; i <= repeats; ++i) {
    if (i > 0) body();
    marks[static_cast<std::size_t>(i)].record(context);
  }
  context.synchronize();
  Timing timing;
  for (std::size_t i = 1; i < marks.size(); ++i) {
    timing.milliseconds.push_back(marks[i].elapsed_ms(marks[i - 1]));
  }
  return timing;
}

Timing time_alone(const Context& context, int warm_up, int repeats,
                  const std::function<void()>& body) {
  DCGAN_CHECK(repeats >= 1, "timing: {} repeats", repeats);
  for (int i = 0; i < warm_up; ++i) body();
  Event start(context), end(context);
  Timing timing;
  for (int i = 0; i < repeats; ++i) {
    context.synchronize();
    start.record(context);
    body();
    end.record(context);
    end.synchronize();
    timing.milliseconds.push_back(end.elapsed_ms(start));
  }
  return timing;
}

}  // namespace dcgan
