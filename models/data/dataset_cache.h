// A decoded data set kept in a safetensors file: "pixels" (M, H, W, C) u8, "labels" (M) i32 and
// "skipped" u8 where there are any, and metadata that say what it was made from.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "models/data/dataset.h"
#include "models/data/formats/image_files.h"

namespace dcgan {

/// What a cached data set depends on, by name: options, and a hash of every file's name, size and
/// time.
using CacheKey = std::map<std::string, std::string>;

CacheKey cache_key(const DatasetOptions& options, const ImageListing& listing);

/// The data set kept in options.cache, without a name; nothing when there is no such file. Also
/// nothing, and the reason in `notes`, when it was made from something else or is damaged behind
/// the beginning of its header. Throws Error(config) when something else has the name (a file of
/// another kind, a folder, a device): it would be written over.
std::optional<Dataset> read_dataset_cache(const DatasetOptions& options, const CacheKey& key,
                                          std::vector<std::string>& notes);

/// Writes atomically. Throws Error(io).
void write_dataset_cache(const DatasetOptions& options, const CacheKey& key,
                         const Dataset& dataset);

}  // namespace dcgan
