#include <algorithm>

#include "models/data/formats/sources.h"
#include "models/data/packed/layout.h"
#include "models/data/packed/packed_file.h"
#include "runtime/io/files.h"
#include "runtime/io/mapped_file.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using namespace packed;
using Bytes = std::span<const std::byte>;

template <class... Args>
[[noreturn]] void refuse(const std::string& name, std::uint64_t at,
                         fmt::format_string<Args...> format, Args&&... args) {
  fail(ErrorKind::bad_data, "{}: offset {}: {}", name, at,
       fmt::format(format, std::forward<Args>(args)...));
}

/// A field within its bounds.
std::uint32_t field(Bytes bytes, std::size_t at, std::uint32_t low, std::uint32_t high,
                    const char* what, const std::string& name) {
  const auto value = get<std::uint32_t>(bytes, at);
  if (value < low || value > high) {
    refuse(name, at, "{} {}, expected {}..{}", what, value, low, high);
  }
  return value;
}

std::string hex(Bytes bytes) {
  std::string text = bytes.empty() ? " nothing" : "";
  for (const std::byte byte : bytes) text += fmt::format(" {:02x}", std::to_integer<int>(byte));
  return text;
}

void check_kind(Bytes bytes, const std::string& name) {
  const Bytes found = bytes.first(std::min(bytes.size(), kMagic.size()));
  const Bytes wanted = std::as_bytes(std::span(kMagic));
  if (!std::equal(found.begin(), found.end(), wanted.begin(), wanted.end())) {
    refuse(name, 0, "not a packed data set: found{}, expected{}", hex(found), hex(wanted));
  }
  if (bytes.size() < offset::description) {
    refuse(name, bytes.size(), "ends within the header of {} bytes", offset::description);
  }
  const auto version = get<std::uint32_t>(bytes, offset::version);
  if (version != kVersion) {
    refuse(name, offset::version, "version {}, this program reads version {}", version, kVersion);
  }
  const auto length = get<std::uint64_t>(bytes, offset::file_bytes);
  if (length != bytes.size()) {
    refuse(name, offset::file_bytes, "the header says {} bytes, the file has {}", length,
           bytes.size());
  }
}

struct Header {
  Shape shape;  ///< (N, H, W, C)
  std::uint64_t classes = 0;
  std::uint64_t description_bytes = 0;
  Layout layout;
};

/// After it every part lies within the file.
Header read_header(Bytes bytes, const std::string& name) {
  check_kind(bytes, name);
  Header header;
  const auto height = field(bytes, offset::height, 1, kMaxSide, "height", name);
  const auto width = field(bytes, offset::width, 1, kMaxSide, "width", name);
  const auto channels = field(bytes, offset::channels, 1, 3, "channels", name);
  header.classes = field(bytes, offset::classes, 0, kMaxClasses, "classes", name);
  header.description_bytes =
      field(bytes, offset::description_bytes, 0, kMaxDescription, "length of description", name);
  if (header.description_bytes % 8 != 0) {
    refuse(name, offset::description_bytes, "length of description {}, expected a multiple of 8",
           header.description_bytes);
  }
  const std::uint64_t image_bytes = std::uint64_t{height} * width * channels;
  const auto images = get<std::uint64_t>(bytes, offset::images);
  // Bounded by the file, so that no product below leaves 64 bits.
  if (images < 1 || images > bytes.size() / image_bytes) {
    refuse(name, offset::images, "{} images of {} bytes, expected 1..{} in {} bytes", images,
           image_bytes, bytes.size() / image_bytes, bytes.size());
  }
  header.layout =
      layout_of(header.description_bytes, header.classes > 0 ? images : 0, images * image_bytes);
  if (header.layout.file_bytes != bytes.size()) {
    refuse(name, offset::images, "{} images of {} bytes make a file of {} bytes, it has {}", images,
           image_bytes, header.layout.file_bytes, bytes.size());
  }
  header.shape = {static_cast<std::int64_t>(images), height, width, channels};
  return header;
}

void check_index(Bytes bytes, const Layout& layout, const std::string& name) {
  const std::uint64_t found = bytes_checksum(bytes.first(layout.index_checksum));
  const auto expected = get<std::uint64_t>(bytes, layout.index_checksum);
  if (found != expected) {
    refuse(name, layout.index_checksum,
           "the {} bytes before have the checksum {:016x}, expected {:016x}", layout.index_checksum,
           found, expected);
  }
}

std::vector<std::int32_t> read_labels(Bytes bytes, const Header& header, const std::string& name) {
  if (header.classes == 0) return {};
  std::vector<std::int32_t> labels(static_cast<std::size_t>(header.shape[0]));
  const std::uint64_t begin = header.layout.labels;
  std::memcpy(labels.data(), bytes.subspan(begin).data(), labels.size() * sizeof labels[0]);
  const auto is_bad = [&](std::int32_t label) {
    return label < 0 || static_cast<std::uint64_t>(label) >= header.classes;
  };
  const auto bad = std::find_if(labels.begin(), labels.end(), is_bad);
  if (bad != labels.end()) {
    const auto index = static_cast<std::uint64_t>(bad - labels.begin());
    refuse(name, begin + index * sizeof labels[0], "label {} of image {}, expected 0..{}", *bad,
           index, header.classes - 1);
  }
  return labels;
}

void require_fit(const Dataset& dataset, const DatasetOptions& options) {
  const Shape& shape = dataset.shape;
  if (shape[1] == options.image_size && shape[2] == options.image_size &&
      shape[3] == options.channels) {
    return;
  }
  fail(ErrorKind::config,
       "{}: holds images {}x{}x{}, the networks take {}x{}x{}: pack and train with the same "
       "--preset, --image-size and --channels",
       options.path.string(), shape[1], shape[2], shape[3], options.image_size, options.image_size,
       options.channels);
}

}  // namespace

PackedFile read_packed(Bytes bytes, const std::string& name, std::shared_ptr<const void> owner) {
  const Header header = read_header(bytes, name);
  const Layout& layout = header.layout;
  check_index(bytes, layout, name);
  PackedFile file;
  const Bytes description = bytes.subspan(offset::description, header.description_bytes);
  file.description = {reinterpret_cast<const char*>(description.data()), description.size()};
  file.dataset.notes.push_back("packed from " + source_name(file.description, name));
  file.classes = static_cast<std::int64_t>(header.classes);
  file.pixels_offset = layout.pixels;
  file.block_checksums = bytes.subspan(layout.checksums, layout.blocks * sizeof(std::uint64_t));
  const Bytes pixels = bytes.subspan(layout.pixels);
  file.dataset.shape = header.shape;
  file.dataset.pixels = PixelMemory(
      {reinterpret_cast<const std::uint8_t*>(pixels.data()), pixels.size()}, std::move(owner));
  file.dataset.labels = read_labels(bytes, header, name);
  file.dataset.stored_hash = bytes_hash(file.block_checksums);
  return file;
}

void check_packed_pixels(const PackedFile& file, const std::string& name) {
  const Bytes pixels =
      std::as_bytes(std::span(file.dataset.pixels.data(), file.dataset.pixels.size()));
  const std::uint64_t blocks = file.block_checksums.size() / sizeof(std::uint64_t);
  const std::uint64_t image_bytes = pixels.size() / static_cast<std::uint64_t>(file.dataset.size());
  for (std::uint64_t i = 0; i < blocks; ++i) {
    const std::uint64_t found = bytes_checksum(block_of(pixels, i));
    const auto expected = get<std::uint64_t>(file.block_checksums, i * sizeof(std::uint64_t));
    if (found == expected) continue;
    const std::uint64_t begin = i * kBlockBytes;
    const std::uint64_t end = begin + block_of(pixels, i).size();
    refuse(name, file.pixels_offset + begin,
           "block {} of {}, {} bytes, images {}..{}: checksum {:016x}, expected {:016x}", i, blocks,
           end - begin, begin / image_bytes, (end - 1) / image_bytes, found, expected);
  }
}

Dataset load_packed(const DatasetOptions& options) {
  const std::string name = options.path.string();
  if (std::error_code error; !fs::exists(options.path, error)) {
    fail(ErrorKind::config, "{}: not found", name);
  }
  const auto mapping = std::make_shared<const MappedFile>(options.path);
  Dataset result = read_packed(mapping->bytes(), name, mapping).dataset;
  result.name = fmt::format("packed {}", name);
  require_fit(result, options);
  return result;
}

}  // namespace dcgan
