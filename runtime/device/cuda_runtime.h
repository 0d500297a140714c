// The CUDA runtime calls that the runtime layer makes, behind plain signatures, so that no other
// host file includes a CUDA header. Defined only in builds with the CUDA engine (kHasCuda).
#pragma once

#include <cstddef>

#include "runtime/device/device.h"
#include "runtime/device/memory.h"

struct CUstream_st;

namespace dcgan::cuda {

/// Throws Error(unavailable) with versions and the remedy unless GPU `ordinal` can run this build.
void require_device(int ordinal);
CUstream_st* create_stream(int ordinal);
void destroy_stream(CUstream_st* stream) noexcept;
void synchronize_stream(CUstream_st* stream);

void* allocate(Device device, std::size_t bytes, MemoryKind kind);
void release(Device device, void* data, MemoryKind kind) noexcept;

enum class CopyKind { device_to_device, host_to_device, device_to_host };
void copy_bytes(CUstream_st* stream, const void* from, void* to, std::size_t bytes, CopyKind kind);
void zero_bytes(CUstream_st* stream, void* to, std::size_t bytes);

}  // namespace dcgan::cuda
