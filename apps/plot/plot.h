// dcgan plot: the curves and the sample history of a run as one PNG.
#pragma once

#include "apps/commands.h"

namespace dcgan {

Command add_plot(CLI::App& app);

}  // namespace dcgan
