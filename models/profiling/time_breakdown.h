// Where the time of a training step goes.
#pragma once

#include "models/training/engine.h"

namespace dcgan {

/// Shares of a step's time; their sum is 1.
struct TimeBreakdown {
  double convolutions = 0;
  double batch_norm = 0;  ///< with the activations behind it
  double optimizer = 0;   ///< with the search for gradients that are not finite
  double rest = 0;        ///< choice and normalisation of images, noise, losses
};

/// Runs `steps` whole training steps, operation by operation, with a mark before and behind every
/// convolution; what lies between two of them follows from the order of a step (models/training).
/// With d-steps above 1, drawing the next batch counts as the optimiser's. On a GPU the stream is
/// kept busy first, so that the host is ahead and no launch is waited for. The engine must have
/// made a step; afterwards it is as it was, `steps` later.
TimeBreakdown measure_time_breakdown(const Context& context, TrainingEngine& engine, int steps);

}  // namespace dcgan
