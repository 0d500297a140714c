// The page of dcgan plot.
#pragma once

#include "apps/plot/run_record.h"
#include "runtime/io/image/image.h"

namespace dcgan {

/// The losses over the steps, D(x) and D(G(z)) below them, and under these at most six of the
/// sample grids, with their steps. Throws as decode_image() on a grid that cannot be read.
Image draw_page(const RunRecord& record);

}  // namespace dcgan
