#include "models/run/hooks/metrics.h"

namespace dcgan {

void MetricsHook::begin(HookContext& run) {
  // By step and not by the saved length: after going back to another checkpoint the file holds
  // other lines than when that one was saved.
  log_.emplace(folder_, run.folder == OutputFolder::continued ? run.report.step : -1);
}

void MetricsHook::on_results(HookContext& run) {
  if (need(run.report.step) == Need::nothing) return;  // another hook's
  log_->append(run.report);
  run.observer.on_log(run.report);
}

void MetricsHook::save(StateJson& state) const {
  state["metrics_bytes"] = log_ ? log_->bytes() : std::uint64_t{0};
}

void MetricsHook::restore(const StateJson& state) {
  // Older programs cut the file there.
  std::uint64_t bytes = 0;
  read_entry(state, "metrics_bytes", bytes);
}

}  // namespace dcgan
