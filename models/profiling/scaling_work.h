// What ranks of a training exchange in a step, and when: the input of the scaling model.
#pragma once

#include "models/profiling/scaling_model.h"
#include "models/training/training_config.h"

namespace dcgan {

/// From networks, buckets and types of `config`, with shares of the computing time by the FLOPs of
/// the convolutions (models/networks/cost.h). `overlaps`: gradients have a stream of their own.
/// Where batch norm is over all ranks they do not hide in this model: one communicator does one
/// collective at a time, and batch norm's is waited for.
ScalingWork scaling_work(const TrainingConfig& config, bool overlaps);

}  // namespace dcgan
