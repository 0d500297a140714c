// A mapped file whose bytes the system cannot give any more: it was cut while in use, or its disk
// failed. The kernel's word for it is SIGBUS.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace dcgan {

/// From now on such an error at one of these addresses ends the process with one line that names
/// `path`, and exit code 74. Others end it as before. Of one file at a time, the last.
void explain_bus_errors(const std::string& path, std::span<const std::byte> mapped);

}  // namespace dcgan
