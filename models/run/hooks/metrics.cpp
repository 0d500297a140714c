#include "models/run/hooks/metrics.h"

namespace dcgan {

void MetricsHook::begin(HookContext& run) {
  log_.emplace(folder_, run.folder == OutputFolder::continued ? restored_bytes_ : 0);
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
  state.at("metrics_bytes").get_to(restored_bytes_);
}

}  // namespace dcgan
