// A data set decoded once: 8-bit images (M, H, W, C) in host memory or in a mapped file, with
// labels where the source has them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "models/data/formats/left_out.h"
#include "models/data/pixel_memory.h"
#include "runtime/base/enum_names.h"
#include "runtime/base/tensor.h"

namespace dcgan {

enum class DatasetKind { strokes, mnist, cifar10, cifar100, folder, packed };

constexpr auto enum_table(DatasetKind) {
  return NameTable<DatasetKind, 6>{{{"strokes", DatasetKind::strokes},
                                    {"mnist", DatasetKind::mnist},
                                    {"cifar10", DatasetKind::cifar10},
                                    {"cifar100", DatasetKind::cifar100},
                                    {"folder", DatasetKind::folder},
                                    {"packed", DatasetKind::packed}}};
}
enum class CorruptPolicy { fail, skip };

constexpr auto enum_table(CorruptPolicy) {
  return NameTable<CorruptPolicy, 2>{
      {{"fail", CorruptPolicy::fail}, {"skip", CorruptPolicy::skip}}};
}

/// What becomes of files that might be data and are not taken.
enum class LeftOutPolicy {
  told,     ///< counted in Dataset::left_out
  refused,  ///< an error, as is a file that CorruptPolicy::skip passes over
};

struct DatasetOptions {
  DatasetKind kind = DatasetKind::strokes;
  std::filesystem::path path;                      ///< file or folder; not used by strokes
  int image_size = 64;                             ///< H = W of the result
  int channels = 3;                                ///< C of the result: 1 or 3
  std::int64_t count = 20000;                      ///< strokes: how many to draw
  std::uint64_t seed = 0;                          ///< strokes: what to draw
  CorruptPolicy on_corrupt = CorruptPolicy::fail;  ///< folder only
  std::filesystem::path cache;  ///< folder only: decoded pixels are kept in this file; empty: no
  int workers = 0;              ///< decoding threads; 0: one a core. Never changes the result
  std::vector<std::string> classes;  ///< folder only: sub-folders to take; empty: all
  /// Folder only: where the run writes. Nothing in it is training data, wherever it lies.
  std::filesystem::path run_folder;
  LeftOutPolicy left_out = LeftOutPolicy::told;  ///< folder only
};

struct SkippedFile {
  std::string path;
  std::string reason;
};

struct Dataset {
  std::string name;  ///< for messages: "mnist ../data/mnist"
  Shape shape;       ///< (M, H, W, C)
  PixelMemory pixels;
  std::vector<std::int32_t> labels;  ///< (M), or empty
  std::vector<SkippedFile> skipped;  ///< in path order
  std::vector<LeftOut> left_out;     ///< a folder's files that were not taken, by reason
  std::vector<std::string> notes;    ///< what the user should be told: a stale cache, no labels
  std::string
      stored_hash;  ///< of checksums of the pixels that the source keeps; empty: it has none

  std::int64_t size() const { return shape[0]; }
  ConstTensorView images() const { return {pixels.data(), shape, DType::u8}; }
};

/// Loads and checks everything before returning. Throws Error(bad_data) with file, offset and
/// reason for a bad file, Error(io) for one that cannot be read, Error(config) when nothing is
/// found or the options do not fit the data, Error(bad_data) with the counts when
/// LeftOutPolicy::refused meets files that were left out. An image that has another size than
/// image_size is resized as torchvision does (shorter side, antialiased, then centre crop); MNIST's
/// 28 become 32 by two rows of zeros on each side. A packed file is mapped: its pixels are not read
/// or compared with their checksums here, and images of another size than image_size are
/// Error(config).
Dataset load_dataset(const DatasetOptions& options);

}  // namespace dcgan
