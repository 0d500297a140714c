// Versions and abilities of the libraries behind the kernels, for `doctor` and result files.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace dcgan {

/// ("oneDNN", "2.6.3, code for avx512_core_bf16"), ...: one entry a library of this build, and one
/// a library that those of a GPU open while they run: "not found" where there is none.
std::vector<std::pair<std::string, std::string>> library_versions();

namespace cuda {
/// Those of a build for a real GPU: which version is loaded, from where, and which was built with.
std::vector<std::pair<std::string, std::string>> library_versions();
}  // namespace cuda

/// Whether the CPU variants compute in bf16: natively (AVX512-BF16), and not forbidden by
/// ONEDNN_MAX_CPU_ISA. When not, `why` says what is missing.
bool cpu_computes_bf16(std::string* why = nullptr);

/// Throws Error(unavailable), "`operation`: ..." and what is missing, unless cpu_computes_bf16().
void require_cpu_bf16(const char* operation);

}  // namespace dcgan
