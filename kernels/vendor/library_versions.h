// Versions and abilities of the libraries behind the kernels, for `doctor` and result files.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace dcgan {

/// ("oneDNN", "2.6.3, code for avx512_core_bf16"), ...: one entry a library of this build.
std::vector<std::pair<std::string, std::string>> library_versions();

/// True when the CPU engine computes in bf16 on this processor; else `why` says what is missing.
bool cpu_computes_bf16(std::string* why = nullptr);

/// Throws Error(unavailable) naming what is missing when this processor cannot run the build.
void require_cpu_baseline();

}  // namespace dcgan
