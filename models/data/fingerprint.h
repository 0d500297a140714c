// What tells one data set from another: checked among ranks before the first step, and at resume
// against the checkpoint.
#pragma once

#include <string>

#include "models/data/dataset.h"

namespace dcgan {

/// XXH3-128 of the pixels in their order, 32 hexadecimal digits; of a packed file the hash of its
/// stored checksums, so that no pixel is read. Files that were renamed but keep their order, and
/// other files of the same pixels, give the same.
std::string contents_hash(const Dataset& dataset);

}  // namespace dcgan
