// Small helpers that the loaders share: memory for the images, grey to RGB.
#pragma once

#include <cstdint>

#include "models/data/dataset.h"

namespace dcgan {

std::int64_t bytes_per_image(const DatasetOptions& options);

/// A data set with its shape and zeroed pixels for `count` images. Throws Error(config) with the
/// bytes needed when the host has not that much memory.
Dataset allocate_dataset(const DatasetOptions& options, std::int64_t count);

/// Spreads `count` grey pixels at the start of `pixels` over (count, channels) in place.
void repeat_grey(std::uint8_t* pixels, std::int64_t count, int channels);

}  // namespace dcgan
