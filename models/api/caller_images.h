// The caller's memory for images, checked, as the kernels take it.
#pragma once

#include "dcgan/dcgan.h"
#include "kernels/input/strided_images.h"

namespace dcgan::api {

/// A memory that is one: host or device. Throws Error(usage).
dcgan_memory checked_memory(std::int32_t memory);

/// The caller's struct, of any age: count, type, layout and memory are ones that exist. Throws
/// Error(usage).
dcgan_images read_images(const dcgan_images* given);

/// Images of `shape`, (N, H, W, C), in that memory. Throws Error(usage) when its address is not
/// aligned, or when its strides leave two elements in one place.
StridedImages caller_images(const dcgan_images& images, const Shape& shape);

}  // namespace dcgan::api
