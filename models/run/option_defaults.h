// Options whose value follows from another one's while nobody has named it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/run/run_options.h"

namespace dcgan {

/// The preset that is named, or the data set's: mnist32 for mnist, cifar32 for cifar10 and
/// cifar100, pytorch for the others.
std::string preset_of(const RunOptions& options);

/// The same options with each such value in its place: the preset, the networks' sizes and the
/// learning rates of both networks. Throws Error(config) when there is no such preset, or no such
/// networks of it.
RunOptions resolved(RunOptions options);

/// Undoes it for the learning rates: one that equals --lr follows --lr again.
void follow_learning_rate(RunOptions& options);

/// Of --epochs and --steps, what one source (a file, the command line) names alone replaces the
/// other of the sources before it. `names`: those that the source has set in `options`.
void replace_limits(const std::vector<std::string>& names, RunOptions& options);

bool has_name(const std::vector<std::string>& names, std::string_view name);

}  // namespace dcgan
