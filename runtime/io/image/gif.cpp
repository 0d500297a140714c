// GIF through giflib: the first frame, on its canvas.
#include <gif_lib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "runtime/base/errors.h"
#include "runtime/io/image/codecs.h"

namespace dcgan {
namespace {

int take_bytes(GifFileType* file, GifByteType* to, int count) {
  auto* rest = static_cast<std::span<const std::byte>*>(file->UserData);
  const std::size_t taken = std::min(rest->size(), static_cast<std::size_t>(count));
  std::memcpy(to, rest->data(), taken);
  *rest = rest->subspan(taken);
  return static_cast<int>(taken);
}

class GifReader {
 public:
  GifReader(std::span<const std::byte> bytes, const std::string& name) : rest_(bytes), name_(name) {
    int error = 0;
    file_.reset(DGifOpen(&rest_, take_bytes, &error));
    if (file_ == nullptr) refuse(error);
  }

  /// Goes to the first frame; reads which index is transparent on the way.
  void find_frame() {
    GifRecordType type = UNDEFINED_RECORD_TYPE;
    for (;;) {
      require(DGifGetRecordType(file_.get(), &type));
      if (type == IMAGE_DESC_RECORD_TYPE) return require(DGifGetImageDesc(file_.get()));
      if (type == TERMINATE_RECORD_TYPE) fail(ErrorKind::bad_data, "{}: GIF: no frame", name_);
      if (type == EXTENSION_RECORD_TYPE) skip_extension();
    }
  }

  const GifFileType& file() const { return *file_; }
  int transparent() const { return transparent_; }

  void read_line(GifPixelType* to) { require(DGifGetLine(file_.get(), to, file_->Image.Width)); }

 private:
  struct Close {
    void operator()(GifFileType* file) const { DGifCloseFile(file, nullptr); }
  };

  [[noreturn]] void refuse(int error) const {
    const char* text = GifErrorString(error);
    fail(ErrorKind::bad_data, "{}: GIF: {}", name_, text == nullptr ? "damaged" : text);
  }
  void require(int result) const {
    if (result == GIF_ERROR) refuse(file_->Error);
  }
  void skip_extension() {
    int code = 0;
    GifByteType* block = nullptr;
    require(DGifGetExtension(file_.get(), &code, &block));
    while (block != nullptr) {
      GraphicsControlBlock control;
      if (code == GRAPHICS_EXT_FUNC_CODE &&
          DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK) {
        transparent_ = control.TransparentColor;
      }
      require(DGifGetExtensionNext(file_.get(), &block));
    }
  }

  std::span<const std::byte> rest_;
  const std::string& name_;
  std::unique_ptr<GifFileType, Close> file_;
  int transparent_ = NO_TRANSPARENT_COLOR;
};

/// Rows of a frame in the order of the file.
std::vector<int> row_order(int height, bool interlaced) {
  std::vector<int> rows;
  if (!interlaced) {
    for (int y = 0; y < height; ++y) rows.push_back(y);
    return rows;
  }
  constexpr std::array<std::array<int, 2>, 4> kPasses{{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};
  for (const auto& [first, step] : kPasses) {
    for (int y = first; y < height; y += step) rows.push_back(y);
  }
  return rows;
}

// An index behind the palette is black; without any palette it is a grey.
std::array<std::array<std::uint8_t, 3>, 256> colours_of(const ColorMapObject* map) {
  std::array<std::array<std::uint8_t, 3>, 256> colours{};
  for (std::size_t i = 0; i < colours.size(); ++i) {
    if (map == nullptr) {
      colours[i].fill(static_cast<std::uint8_t>(i));
    } else if (static_cast<int>(i) < map->ColorCount) {
      colours[i] = {map->Colors[i].Red, map->Colors[i].Green, map->Colors[i].Blue};
    }
  }
  return colours;
}

}  // namespace

Image decode_gif(std::span<const std::byte> bytes, const std::string& name,
                 const DecodeLimits& limits) {
  GifReader reader(bytes, name);
  reader.find_frame();
  const GifFileType& file = reader.file();
  const GifImageDesc& frame = file.Image;
  const int width = std::max(file.SWidth, frame.Left + frame.Width);
  const int height = std::max(file.SHeight, frame.Top + frame.Height);
  check_pixel_count(static_cast<std::uint64_t>(width), static_cast<std::uint64_t>(height), name,
                    limits);
  check_pixel_count(static_cast<std::uint64_t>(frame.Width),
                    static_cast<std::uint64_t>(frame.Height), name, limits);
  const auto colours = colours_of(frame.ColorMap != nullptr ? frame.ColorMap : file.SColorMap);
  const auto index_outside = static_cast<std::size_t>(std::max(reader.transparent(), 0));
  Image image{width, height, 3, {}};
  image.pixels.reserve(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  for (std::size_t i = 0; i < static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
       ++i) {
    image.pixels.insert(image.pixels.end(), colours[index_outside].begin(),
                        colours[index_outside].end());
  }
  std::vector<GifPixelType> line(static_cast<std::size_t>(frame.Width));
  for (const int y : row_order(frame.Height, frame.Interlace)) {
    reader.read_line(line.data());
    const std::size_t first =
        static_cast<std::size_t>(frame.Top + y) * static_cast<std::size_t>(width) +
        static_cast<std::size_t>(frame.Left);
    std::uint8_t* to = image.pixels.data() + first * 3;
    for (const GifPixelType index : line) to = std::copy_n(colours[index].begin(), 3, to);
  }
  return image;
}

}  // namespace dcgan
