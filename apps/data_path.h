// Data that is not there is found before anything is made for it.
#pragma once

#include "models/data/dataset.h"

namespace dcgan {

/// Throws Error(io) when --data names nothing: a missing input ends every command with one code.
void require_data(const DatasetOptions& options);

}  // namespace dcgan
