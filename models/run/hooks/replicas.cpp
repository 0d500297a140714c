#include "models/run/hooks/replicas.h"

#include <fmt/format.h>

#include "models/run/rank_check.h"
#include "runtime/base/errors.h"

namespace dcgan {

void ReplicasHook::on_pause(HookContext& run) {
  const std::string facts =
      fmt::format("{{\"weights\": \"{}\"}}",
                  weights_hash(run.context, run.engine.generator(), run.engine.discriminator()));
  try {
    require_same_facts(run.context, ranks_, facts);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::config) throw;
    fail(ErrorKind::internal, "step {}: {}", run.report.step, error.what());
  }
}

}  // namespace dcgan
