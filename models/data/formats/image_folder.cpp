#include <algorithm>

#include "models/data/dataset_cache.h"
#include "models/data/formats/image_files.h"
#include "models/data/formats/pixels.h"
#include "models/data/formats/resize.h"
#include "models/data/formats/sources.h"
#include "models/data/workers.h"
#include "runtime/io/files.h"

namespace dcgan {
namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{256} << 20;

std::string full_path(const DatasetOptions& options, const ImageFile& file) {
  return (options.path / file.name).string();
}

void decode_file(const DatasetOptions& options, const ImageFile& file, std::uint8_t* pixels) {
  const std::string path = full_path(options, file);
  if (!file.problem.empty()) fail(file.problem_kind, "{}: {}", path, file.problem);
  const Image image = decode_image(read_file(path, kMaxFileBytes), path);
  resize_and_crop(convert_channels(image, options.channels), options.image_size, pixels);
}

/// A file's own fault, which CorruptPolicy::skip may pass over; anything else is not.
bool may_be_skipped(const Error& error) {
  return error.kind() == ErrorKind::bad_data || error.kind() == ErrorKind::io;
}

/// Moves the images that were decoded together and records the others.
Dataset without_skipped(const DatasetOptions& options, const ImageListing& listing,
                        const std::vector<std::string>& reasons, std::vector<std::uint8_t> pixels) {
  const std::int64_t image_bytes = bytes_per_image(options);
  std::vector<std::int32_t> labels;
  std::vector<SkippedFile> skipped;
  std::int64_t kept = 0;
  for (std::size_t i = 0; i < reasons.size(); ++i) {
    if (!reasons[i].empty()) {
      skipped.push_back({full_path(options, listing.files[i]), reasons[i]});
      continue;
    }
    const auto from = static_cast<std::int64_t>(i);
    if (kept != from) {
      std::copy_n(pixels.data() + from * image_bytes, image_bytes,
                  pixels.data() + kept * image_bytes);
    }
    if (listing.files[i].label >= 0) labels.push_back(listing.files[i].label);
    ++kept;
  }
  if (kept == 0) {
    fail(ErrorKind::bad_data, "{}: all {} images were skipped, the first: {}",
         options.path.string(), reasons.size(), reasons.front());
  }
  pixels.resize(static_cast<std::size_t>(kept * image_bytes));
  Dataset result = make_dataset(options, "", std::move(pixels));
  result.labels = std::move(labels);
  result.skipped = std::move(skipped);
  return result;
}

Dataset decode_all(const DatasetOptions& options, const ImageListing& listing) {
  const auto count = static_cast<std::int64_t>(listing.files.size());
  std::vector<std::uint8_t> pixels = allocate_pixels(options, count);
  std::vector<std::string> reasons(listing.files.size());  // why skipped; empty: decoded
  run_workers(count, options.workers, [&](std::int64_t i) {
    const auto index = static_cast<std::size_t>(i);
    try {
      decode_file(options, listing.files[index], pixels.data() + i * bytes_per_image(options));
    } catch (const Error& error) {
      if (options.on_corrupt == CorruptPolicy::fail || !may_be_skipped(error)) throw;
      reasons[index] = error.what();
    }
  });
  return without_skipped(options, listing, reasons, std::move(pixels));
}

// LeftOutPolicy::refused: of the listing before anything is decoded, of what was skipped behind it.
void require_nothing_left_out(const DatasetOptions& options, std::vector<LeftOut> left_out) {
  std::erase_if(left_out, [](const LeftOut& entry) { return !might_be_data(entry.reason); });
  if (options.left_out == LeftOutPolicy::told || left_out.empty()) return;
  fail(ErrorKind::bad_data, "{}: --strict: left out: {}", options.path.string(),
       describe(left_out));
}

void require_nothing_skipped(const DatasetOptions& options, const Dataset& dataset) {
  if (options.left_out == LeftOutPolicy::told || dataset.skipped.empty()) return;
  const SkippedFile& first = dataset.skipped.front();
  fail(ErrorKind::bad_data, "{}: --strict: {} images were skipped, the first: {}",
       options.path.string(), dataset.skipped.size(), first.reason);
}

}  // namespace

Dataset load_image_folder(const DatasetOptions& options) {
  const ImageListing listing = list_images(options.path, {options.classes, options.run_folder});
  require_nothing_left_out(options, listing.left_out);
  std::vector<std::string> notes;
  const CacheKey key = cache_key(options, listing);
  std::optional<Dataset> result;
  if (!options.cache.empty()) result = read_dataset_cache(options, key, notes);
  if (!result) {
    result = decode_all(options, listing);
    if (!options.cache.empty()) write_dataset_cache(options, key, *result);
  }
  result->name = fmt::format("folder {}", options.path.string());
  require_nothing_skipped(options, *result);
  result->left_out = listing.left_out;
  result->notes = std::move(notes);
  return *std::move(result);
}

}  // namespace dcgan
