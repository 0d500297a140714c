#include "runtime/io/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "runtime/base/errors.h"

namespace dcgan {
namespace {

constexpr int kGzipOnly = 16 + MAX_WBITS;      // zlib's code for "a gzip member and nothing else"
constexpr std::uint64_t kFirstRoom = 1 << 16;  // bytes
constexpr uInt kMaxFeed = 1u << 30;            // zlib counts in 32 bits

class Inflater {
 public:
  Inflater(std::span<const std::byte> bytes, const std::string& name, std::uint64_t max_bytes)
      : bytes_(bytes), name_(name), max_bytes_(max_bytes) {
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) {
      fail(ErrorKind::unavailable, "{}: no memory to inflate it", name);
    }
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  std::vector<std::byte> run() {
    inflate_member();
    while (consumed_ < bytes_.size() && !only_zeros_left()) {
      if (inflateReset(&stream_) != Z_OK) fail(ErrorKind::internal, "{}: zlib reset", name_);
      inflate_member();
    }
    output_.resize(produced_);
    return std::move(output_);
  }

 private:
  // Tape and disk tools pad a gzip file with zeros to a block; gzip itself accepts them.
  bool only_zeros_left() const {
    return std::all_of(bytes_.begin() + static_cast<std::ptrdiff_t>(consumed_), bytes_.end(),
                       [](std::byte b) { return b == std::byte{0}; });
  }

  void make_room() {
    if (produced_ < output_.size()) return;
    // One byte above the limit, to tell "exactly full" from "too much".
    const std::uint64_t most =
        max_bytes_ + (max_bytes_ < std::numeric_limits<std::uint64_t>::max() ? 1 : 0);
    const std::uint64_t wanted = std::min(most, std::max<std::uint64_t>(2 * produced_, kFirstRoom));
    output_.reserve(wanted);  // resize alone may take twice the size, past the limit
    output_.resize(wanted);
  }

  void inflate_member() {
    int status = Z_OK;
    while (status != Z_STREAM_END) {
      make_room();
      const std::size_t in = std::min<std::size_t>(bytes_.size() - consumed_, kMaxFeed);
      const std::size_t out = std::min<std::size_t>(output_.size() - produced_, kMaxFeed);
      // zlib's interface predates const.
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes_.data() + consumed_));
      stream_.avail_in = static_cast<uInt>(in);
      stream_.next_out = reinterpret_cast<Bytef*>(output_.data() + produced_);
      stream_.avail_out = static_cast<uInt>(out);
      status = inflate(&stream_, Z_NO_FLUSH);
      consumed_ += in - stream_.avail_in;
      produced_ += out - stream_.avail_out;
      check(status);
    }
  }

  void check(int status) const {
    if (produced_ > max_bytes_) {
      fail(ErrorKind::bad_data, "{}: inflates past the limit of {} bytes (at byte {} of {})", name_,
           max_bytes_, consumed_, bytes_.size());
    }
    if (status == Z_STREAM_END || (status == Z_OK && consumed_ < bytes_.size())) return;
    if (status == Z_MEM_ERROR) fail(ErrorKind::unavailable, "{}: no memory to inflate it", name_);
    // Output room is never empty here, so Z_BUF_ERROR means that the input ran out.
    if (status == Z_BUF_ERROR && consumed_ == bytes_.size()) {
      fail(ErrorKind::bad_data, "{}: gzip data end early, at byte {}", name_, consumed_);
    }
    if (status == Z_OK) return;
    fail(ErrorKind::bad_data, "{}: gzip data are corrupt near byte {}: {}", name_, consumed_,
         stream_.msg != nullptr ? stream_.msg : "unexpected dictionary");
  }

  std::span<const std::byte> bytes_;
  const std::string& name_;
  std::uint64_t max_bytes_;
  z_stream stream_{};
  std::size_t consumed_ = 0;
  std::size_t produced_ = 0;
  std::vector<std::byte> output_;
};

}  // namespace

bool is_gzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

std::vector<std::byte> inflate_gzip(std::span<const std::byte> bytes, const std::string& name,
                                    std::uint64_t max_bytes) {
  return Inflater(bytes, name, max_bytes).run();
}

}  // namespace dcgan
