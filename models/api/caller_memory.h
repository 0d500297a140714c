// The caller's memory resource as one of ours.
#pragma once

#include <memory>

#include "dcgan/dcgan.h"
#include "runtime/device/memory_resource.h"

namespace dcgan::api {

/// Null for null: the device's own. Throws Error(usage) without both functions.
std::shared_ptr<MemoryResource> caller_memory(const dcgan_memory_resource* given);

}  // namespace dcgan::api
