// Sums of the stand-in for NCCL.
#pragma once

#include <nccl.h>

#include <cstddef>
#include <vector>

namespace dcgan::emulator::nccl {

/// to[i] = op over all ranks of from[rank][i], in the order of ranks. float32, also for bfloat16,
/// which is rounded once; integer sums wrap.
void reduce(const std::vector<const void*>& from, std::size_t count, ncclDataType_t type,
            ncclRedOp_t op, void* to);

}  // namespace dcgan::emulator::nccl
