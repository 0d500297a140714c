// The IDX format (Y. LeCun's MNIST page): two zero bytes, a type byte, the number of dimensions,
// each extent as a big-endian u32, then the elements. Here: type 8 (u8), 3 dimensions for images, 1
// for labels.
#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>

#include "models/data/formats/pixels.h"
#include "models/data/formats/resize.h"
#include "models/data/formats/sources.h"
#include "models/data/workers.h"
#include "runtime/io/files.h"
#include "runtime/io/gzip.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

// Eighteen times MNIST, and what a hostile .gz can make us hold.
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 30;
constexpr std::uint32_t kMaxSide = 4096;
constexpr std::uint8_t kUnsignedByte = 0x08;

struct IdxArray {
  std::vector<std::byte> bytes;        // the whole file, inflated
  std::vector<std::uint32_t> extents;  // outermost first
  std::size_t data_offset = 0;

  const std::uint8_t* data() const {
    return reinterpret_cast<const std::uint8_t*>(bytes.data()) + data_offset;
  }
};

std::uint32_t big_endian(const std::vector<std::byte>& bytes, std::size_t offset) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = (value << 8) | std::to_integer<std::uint32_t>(bytes[offset + i]);
  }
  return value;
}

/// Checks every rule of the format before an element is used.
IdxArray read_idx(const fs::path& path, int dimensions) {
  const std::string name = path.string();
  IdxArray array;
  array.bytes = read_file(path, kMaxBytes);
  if (is_gzip(array.bytes)) array.bytes = inflate_gzip(array.bytes, name, kMaxBytes);
  const auto byte = [&](std::size_t i) { return std::to_integer<int>(array.bytes[i]); };

  array.data_offset = 4 + 4 * static_cast<std::size_t>(dimensions);
  if (array.bytes.size() < array.data_offset) {
    fail(ErrorKind::bad_data, "{}: {} bytes, an IDX header has {}", name, array.bytes.size(),
         array.data_offset);
  }
  if (byte(0) != 0 || byte(1) != 0) {
    fail(ErrorKind::bad_data, "{}: offset 0: {:02x} {:02x} where IDX has 00 00", name, byte(0),
         byte(1));
  }
  if (byte(2) != kUnsignedByte) {
    fail(ErrorKind::bad_data, "{}: offset 2: element type {:02x}, only 08 (u8) is read", name,
         byte(2));
  }
  if (byte(3) != dimensions) {
    fail(ErrorKind::bad_data, "{}: offset 3: {} dimensions, expected {}", name, byte(3),
         dimensions);
  }
  std::uint64_t elements = 1;
  for (int i = 0; i < dimensions; ++i) {
    const std::size_t offset = 4 + 4 * static_cast<std::size_t>(i);
    const std::uint32_t extent = big_endian(array.bytes, offset);
    // With the sides bounded the product stays below 2^56.
    if (i > 0 && (extent == 0 || extent > kMaxSide)) {
      fail(ErrorKind::bad_data, "{}: offset {}: an image side of {}, 1..{} are read", name, offset,
           extent, kMaxSide);
    }
    array.extents.push_back(extent);
    elements *= extent;
  }
  if (array.bytes.size() - array.data_offset != elements) {
    fail(ErrorKind::bad_data, "{}: offset {}: {} bytes of data, the header says {}", name,
         array.data_offset, array.bytes.size() - array.data_offset, elements);
  }
  return array;
}

fs::path find_images(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) fail(ErrorKind::config, "{}: not found", path.string());
  if (!fs::is_directory(path, error)) return path;
  constexpr std::array kNames{"train-images-idx3-ubyte", "train-images.idx3-ubyte",
                              "train-images-idx3-ubyte.gz", "train-images.idx3-ubyte.gz"};
  for (const char* name : kNames) {
    if (fs::exists(path / name, error)) return path / name;
  }
  fail(ErrorKind::config, "{}: 0 IDX files: neither {} nor {}, plain or .gz", path.string(),
       kNames[0], kNames[1]);
}

bool replace_last(std::string& text, const std::string& from, const std::string& to) {
  const std::size_t at = text.rfind(from);
  if (at == std::string::npos) return false;
  text.replace(at, from.size(), to);
  return true;
}

/// The labels beside the images, plain or .gz; nothing when there are none.
std::optional<fs::path> find_labels(const fs::path& images) {
  std::string name = images.filename().string();
  if (!replace_last(name, "images", "labels")) return std::nullopt;
  replace_last(name, "idx3", "idx1");
  std::string other = name.ends_with(".gz") ? name.substr(0, name.size() - 3) : name + ".gz";
  for (const std::string& candidate : {name, other}) {
    std::error_code error;
    const fs::path path = images.parent_path() / candidate;
    if (fs::exists(path, error)) return path;
  }
  return std::nullopt;
}

std::vector<std::int32_t> read_labels(const fs::path& path, const fs::path& images,
                                      std::uint32_t count) {
  const IdxArray array = read_idx(path, 1);
  if (array.extents[0] != count) {
    fail(ErrorKind::bad_data, "{}: offset 4: {} labels for the {} images of {}", path.string(),
         array.extents[0], count, images.string());
  }
  return {array.data(), array.data() + count};
}

/// Two rows and columns of zeros on each side: how the LeNet papers bring 28 to 32.
void pad_28_to_32(const std::uint8_t* source, std::uint8_t* target) {
  std::fill_n(target, 32 * 32, std::uint8_t{0});
  for (int row = 0; row < 28; ++row) {
    std::copy_n(source + row * 28, 28, target + (row + 2) * 32 + 2);
  }
}

std::vector<std::uint8_t> decode_images(const IdxArray& array, const DatasetOptions& options) {
  const std::int64_t count = array.extents[0];
  std::vector<std::uint8_t> pixels = allocate_pixels(options, count);
  const int height = static_cast<int>(array.extents[1]);
  const int width = static_cast<int>(array.extents[2]);
  const int size = options.image_size;
  const std::int64_t source_bytes = std::int64_t{height} * width;
  const bool pad = height == 28 && width == 28 && size == 32;
  run_workers(count, options.workers, [&](std::int64_t i) {
    const std::uint8_t* source = array.data() + i * source_bytes;
    std::uint8_t* target = pixels.data() + i * bytes_per_image(options);
    if (height == size && width == size) {
      std::copy_n(source, source_bytes, target);
    } else if (pad) {
      pad_28_to_32(source, target);
    } else {
      resize_and_crop({width, height, 1, {source, source + source_bytes}}, size, target);
    }
    repeat_grey(target, std::int64_t{size} * size, options.channels);
  });
  return pixels;
}

}  // namespace

Dataset load_idx(const DatasetOptions& options) {
  const fs::path path = find_images(options.path);
  const IdxArray array = read_idx(path, 3);
  if (array.extents[0] == 0) fail(ErrorKind::config, "{}: holds 0 images", path.string());

  std::vector<std::int32_t> labels;
  const std::optional<fs::path> labels_path = find_labels(path);
  if (labels_path) labels = read_labels(*labels_path, path, array.extents[0]);
  Dataset result = make_dataset(options, fmt::format("mnist {}", options.path.string()),
                                decode_images(array, options));
  result.labels = std::move(labels);
  if (!labels_path) result.notes.push_back(fmt::format("{}: no labels beside it", path.string()));
  return result;
}

}  // namespace dcgan
