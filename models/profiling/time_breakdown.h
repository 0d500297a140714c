// Where the time of a training step goes, by events at the step's named stages.
#pragma once

#include <string>
#include <vector>

#include "models/training/engine.h"

namespace dcgan {

/// Parts of a step's time; their sum is 1.
struct TimeBreakdown {
  double convolutions = 0;  ///< with the activations that are computed in them
  double batch_norm = 0;    ///< with the activations behind it
  double optimizer = 0;     ///< with the search for gradients that are not finite
  double rest = 0;          ///< images, latent vectors, losses, an image stage
};

struct StageTime {
  std::string name;  ///< "D(real+fake) main.2 convolve"
  StageKind kind = StageKind::input;
  double mean_ms = 0;  ///< of a step
};

struct StepTimes {
  TimeBreakdown breakdown;
  std::vector<StageTime> stages;  ///< in the order of the step; those that ran
};

/// Runs `steps` whole training steps, operation by operation, with an event before each stage. On a
/// GPU the stream is kept busy first, so that the host is ahead and no launch is waited for. The
/// engine must have made a step; afterwards it is as it was, `steps` later.
StepTimes measure_step_times(const Context& context, TrainingEngine& engine, int steps);

}  // namespace dcgan
