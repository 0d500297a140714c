// Which GPUs the kernels of a build run on.
#pragma once

#include <string_view>

namespace dcgan {

/// Whether kernels compiled for `architectures` ("80;90", CMake's spelling: "90" is machine code
/// and PTX, "90-real" machine code only, "90-virtual" PTX only, "90a" for exactly 9.0) run on a GPU
/// of compute capability major.minor. Machine code runs on its own major version from its minor
/// upwards, PTX on everything newer. Throws Error(internal) on what is not such a list.
bool runs_on(std::string_view architectures, int major, int minor);

}  // namespace dcgan
