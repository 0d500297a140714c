// Ends a run whose numbers are not finite.
#pragma once

#include "models/run/hooks/hook.h"

namespace dcgan {

/// Looks at all results that are read. Throws Error(diverged) with the step, the losses and the
/// last checkpoint. First in the list: nothing may be written of such a step.
class DivergenceHook : public Hook {
 public:
  void on_results(HookContext& run) override;
};

}  // namespace dcgan
