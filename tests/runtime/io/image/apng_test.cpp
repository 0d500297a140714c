// The animated PNG is taken apart chunk by chunk, as a player would.
#include <zlib.h>

#include <cstring>

#include "runtime/io/files.h"
#include "runtime/io/image/image.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;
using test::TemporaryFolder;

namespace {

struct Chunk {
  std::string type;
  std::string data;
};

std::uint32_t number_at(const std::string& text, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value = value << 8 | static_cast<unsigned char>(text.at(at + i));
  return value;
}

std::string big_endian(std::uint32_t value) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift);
  return text;
}

std::uint32_t checksum(const std::string& text) {
  return static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
}

std::vector<Chunk> chunks_of(const std::string& file) {
  REQUIRE(file.substr(0, 8) == "\x89PNG\r\n\x1a\n");
  std::vector<Chunk> chunks;
  for (std::size_t at = 8; at < file.size();) {
    const std::size_t length = number_at(file, at);
    chunks.push_back({file.substr(at + 4, 4), file.substr(at + 8, length)});
    CHECK(number_at(file, at + 8 + length) == checksum(chunks.back().type + chunks.back().data));
    at += 12 + length;
  }
  return chunks;
}

std::string chunk_text(const std::string& type, const std::string& data) {
  return big_endian(static_cast<std::uint32_t>(data.size())) + type + data +
         big_endian(checksum(type + data));
}

// What a player shows at each frame: the frame's data as a PNG of its own.
std::vector<Image> frames_of(const std::vector<Chunk>& chunks) {
  std::vector<std::string> data;
  for (const Chunk& chunk : chunks) {
    if (chunk.type == "fcTL") data.emplace_back();
    if (chunk.type == "IDAT") data.back() += chunk.data;
    if (chunk.type == "fdAT") data.back() += chunk.data.substr(4);
  }
  std::vector<Image> frames;
  for (const std::string& idat : data) {
    const std::string file = "\x89PNG\r\n\x1a\n" + chunk_text("IHDR", chunks[0].data) +
                             chunk_text("IDAT", idat) + chunk_text("IEND", "");
    frames.push_back(decode_image(std::as_bytes(std::span(file)), "frame"));
  }
  return frames;
}

Image picture(int channels, int seed) {
  // Large enough and rough enough for several IDAT chunks of libpng's 8 KiB each.
  Image image{80, 70, channels, {}};
  for (int i = 0; i < 80 * 70 * channels; ++i) {
    image.pixels.push_back(
        static_cast<std::uint8_t>((i * 2654435761u + static_cast<unsigned>(seed) * 97u) >> 13));
  }
  return image;
}

}  // namespace

TEST_CASE("an animated PNG holds every frame with number and delay, and repeats without end") {
  const TemporaryFolder folder;
  for (const int channels : {1, 3, 4}) {
    const std::vector<Image> frames{picture(channels, 1), picture(channels, 2),
                                    picture(channels, 3)};
    write_animated_png(folder / "x.png", frames, 40);
    const std::vector<Chunk> chunks = chunks_of(read_text_file(folder / "x.png", 1 << 20));
    CAPTURE(channels);
    REQUIRE(chunks.size() > 8);
    CHECK(chunks[0].type == "IHDR");
    CHECK(chunks[1].type == "acTL");
    CHECK(chunks[1].data == big_endian(3) + big_endian(0));
    CHECK(chunks[2].type == "fcTL");  // the first frame belongs to the animation
    CHECK(chunks.back().type == "IEND");
    std::uint32_t sequence = 0;
    for (const Chunk& chunk : chunks) {
      if (chunk.type != "fcTL" && chunk.type != "fdAT") continue;
      CHECK(number_at(chunk.data, 0) == sequence++);
      if (chunk.type == "fdAT") continue;
      CHECK(chunk.data.substr(4) == big_endian(80) + big_endian(70) + big_endian(0) +
                                        big_endian(0) +
                                        std::string("\0\x28\x03\xe8\0\0", 6));  // 40 / 1000 s
    }
    const std::vector<Image> back = frames_of(chunks);
    REQUIRE(back.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) CHECK(back[i].pixels == frames[i].pixels);
  }
}

TEST_CASE("a reader without support for animations decodes the first frame") {
  const TemporaryFolder folder;
  const std::vector<Image> frames{picture(3, 1), picture(3, 2)};
  write_animated_png(folder / "x.png", frames, 100);
  const Image image = decode_image(read_file(folder / "x.png", 1 << 20), "x.png");
  CHECK(image.pixels == frames[0].pixels);
}

TEST_CASE(
    "an animated PNG of unequal frames, of none or with a bad delay is an internal error without a "
    "file") {
  const TemporaryFolder folder;
  const std::vector<Image> mixed{picture(1, 1), picture(3, 1)};
  DCGAN_CHECK_FAILS(write_animated_png(folder / "x", mixed, 40), ErrorKind::internal,
                    "70 x 80 x 3 among frames of 70 x 80 x 1");
  DCGAN_CHECK_FAILS(write_animated_png(folder / "x", {}, 40), ErrorKind::internal, "no frames");
  const std::vector<Image> one{picture(1, 1)};
  DCGAN_CHECK_FAILS(write_animated_png(folder / "x", one, 70000), ErrorKind::internal, "70000 ms");
  DCGAN_CHECK_FAILS(write_animated_png(folder / "x", one, -1), ErrorKind::internal, "-1 ms");
  CHECK(folder.entries() == 0);
}
