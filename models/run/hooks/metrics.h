// Log lines: to the observer, metrics.jsonl and losses.csv.
#pragma once

#include <filesystem>
#include <optional>

#include "models/run/hooks/hook.h"
#include "models/run/metrics_log.h"

namespace dcgan {

/// One line at step 1 and at every `every`-th, when its results have arrived: the steps go on.
class MetricsHook : public Hook {
 public:
  MetricsHook(std::filesystem::path folder, std::int64_t every)
      : folder_(std::move(folder)), every_(every) {}

  /// As need(), without a hook.
  static Need need_of(std::int64_t step, std::int64_t every) {
    return step == 1 || is_due(step, every) ? Need::results : Need::nothing;
  }

  Need need(std::int64_t step) const override { return need_of(step, every_); }
  void begin(HookContext& run) override;
  void on_results(HookContext& run) override;
  void save(StateJson& state) const override;
  void restore(const StateJson& state) override;

 private:
  std::filesystem::path folder_;
  std::int64_t every_;
  std::optional<MetricsLog> log_;
};

}  // namespace dcgan
