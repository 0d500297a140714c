// Small helpers that the loaders share: memory for the images, grey to RGB.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/data/dataset.h"

namespace dcgan {

std::int64_t bytes_per_image(const DatasetOptions& options);

/// Zeroed pixels for `count` images, to be decoded into. Throws Error(config) with the bytes needed
/// when the host has not that much memory.
std::vector<std::uint8_t> allocate_pixels(const DatasetOptions& options, std::int64_t count);

/// A data set of decoded pixels.
Dataset make_dataset(const DatasetOptions& options, std::string name,
                     std::vector<std::uint8_t> pixels);

/// Spreads `count` grey pixels at the start of `pixels` over (count, channels) in place.
void repeat_grey(std::uint8_t* pixels, std::int64_t count, int channels);

}  // namespace dcgan
