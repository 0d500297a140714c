// CIFAR's binary version (A. Krizhevsky's page): records of one label byte (CIFAR-10) or two,
// coarse and fine (CIFAR-100), then 1024 bytes each of red, green and blue, rows top to bottom.
#include <algorithm>
#include <span>

#include "models/data/formats/pixels.h"
#include "models/data/formats/resize.h"
#include "models/data/formats/sources.h"
#include "models/data/workers.h"
#include "runtime/io/files.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

constexpr int kSide = 32;
constexpr std::size_t kPlane = 1024;
// Three times the whole of CIFAR.
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 29;

struct CifarFormat {
  const char* name;
  const char* folder;  ///< what the archive unpacks to
  std::vector<std::string> files;
  std::vector<int> label_limits;  ///< one label byte each, the last one is kept

  std::size_t record_bytes() const { return label_limits.size() + 3 * kPlane; }
};

CifarFormat format_of(DatasetKind kind) {
  if (kind == DatasetKind::cifar100) {
    return {"cifar100", "cifar-100-binary", {"train.bin"}, {20, 100}};
  }
  return {"cifar10",
          "cifar-10-batches-bin",
          {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
           "data_batch_5.bin"},
          {10}};
}

std::vector<fs::path> find_files(const fs::path& path, const CifarFormat& format) {
  std::error_code error;
  if (!fs::exists(path, error)) fail(ErrorKind::config, "{}: not found", path.string());
  if (!fs::is_directory(path, error)) return {path};
  const fs::path unpacked = path / format.folder;
  const fs::path& folder = fs::is_directory(unpacked, error) ? unpacked : path;
  std::vector<fs::path> found;
  std::string missing;
  for (const std::string& name : format.files) {
    if (fs::exists(folder / name, error)) {
      found.push_back(folder / name);
    } else {
      missing += " " + name;
    }
  }
  // Part of the data set is refused too: training on it unawares would be worse.
  if (!missing.empty()) {
    fail(ErrorKind::config, "{}: {} of the {} files of {}, missing:{}", folder.string(),
         found.size(), format.files.size(), format.name, missing);
  }
  return found;
}

/// The records of one file, its size and labels checked.
std::vector<std::byte> read_records(const fs::path& path, const CifarFormat& format) {
  std::vector<std::byte> bytes = read_file(path, kMaxBytes);
  const std::size_t record = format.record_bytes();
  if (bytes.size() % record != 0) {
    fail(ErrorKind::bad_data, "{}: offset {}: {} bytes of a record that has {}", path.string(),
         bytes.size() - bytes.size() % record, bytes.size() % record, record);
  }
  for (std::size_t begin = 0; begin < bytes.size(); begin += record) {
    for (std::size_t i = 0; i < format.label_limits.size(); ++i) {
      const int label = std::to_integer<int>(bytes[begin + i]);
      if (label >= format.label_limits[i]) {
        fail(ErrorKind::bad_data, "{}: offset {}: label {}, {} has 0..{}", path.string(), begin + i,
             label, format.name, format.label_limits[i] - 1);
      }
    }
  }
  return bytes;
}

/// Three planes to (32, 32, 3).
Image interleave(std::span<const std::byte> planes) {
  Image image{kSide, kSide, 3, std::vector<std::uint8_t>(3 * kPlane)};
  for (std::size_t i = 0; i < kPlane; ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      image.pixels[3 * i + c] = std::to_integer<std::uint8_t>(planes[c * kPlane + i]);
    }
  }
  return image;
}

}  // namespace

Dataset load_cifar(const DatasetOptions& options) {
  const CifarFormat format = format_of(options.kind);
  std::vector<std::byte> records;
  for (const fs::path& path : find_files(options.path, format)) {
    const std::vector<std::byte> more = read_records(path, format);
    records.insert(records.end(), more.begin(), more.end());
  }
  const std::size_t record_bytes = format.record_bytes();
  const auto count = static_cast<std::int64_t>(records.size() / record_bytes);
  if (count == 0) fail(ErrorKind::config, "{}: holds 0 images", options.path.string());

  std::vector<std::uint8_t> pixels = allocate_pixels(options, count);
  std::vector<std::int32_t> labels(static_cast<std::size_t>(count));
  const std::size_t label_bytes = format.label_limits.size();
  run_workers(count, options.workers, [&](std::int64_t i) {
    const auto index = static_cast<std::size_t>(i);
    const auto record = std::span(records).subspan(index * record_bytes, record_bytes);
    labels[index] = std::to_integer<std::int32_t>(record[label_bytes - 1]);
    const Image image = convert_channels(interleave(record.subspan(label_bytes)), options.channels);
    resize_and_crop(image, options.image_size, pixels.data() + i * bytes_per_image(options));
  });
  Dataset result = make_dataset(options, fmt::format("{} {}", format.name, options.path.string()),
                                std::move(pixels));
  result.labels = std::move(labels);
  return result;
}

}  // namespace dcgan
