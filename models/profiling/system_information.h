// What this machine and this build can do, as facts with names: for `doctor` and result files.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace dcgan {

using Facts = std::vector<std::pair<std::string, std::string>>;

/// ("dcgan", "0.1.0 (Release, ...)"), ("CPU", ...), ("oneDNN", ...), ("GPU 0", ...): in order of
/// interest; what is missing is said with how to get it. Never throws for a missing device.
Facts system_information();

/// The most memory that this process has held so far.
std::size_t peak_host_bytes();

}  // namespace dcgan
