#include "models/training/metrics_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace dcgan {

std::string example_log_line(const LogRecord& r) {
  return fmt::format("[{}/{}][{}/{}] Loss_D: {:.4f} Loss_G: {:.4f} D(x): {:.4f} D(G(z)): {:.4f} / {:.4f}",
                     r.epoch, r.epochs, r.batch, r.batches, r.results.errD(), r.results.errG,
                     r.results.D_x, r.results.D_G_z1, r.results.D_G_z2);
}

MetricsLog::MetricsLog(std::filesystem::path path, std::uint64_t keep_bytes)
    : path_(std::move(path)) {
  std::error_code error;
  const std::uint64_t present = std::filesystem::file_size(path_, error);
  bytes_ = error ? 0 : std::min<std::uint64_t>(present, keep_bytes);
  if (!error && present != bytes_) std::filesystem::resize_file(path_, bytes_);
  stream_.open(path_, std::ios::binary | std::ios::app);
  if (!stream_) fail(ErrorKind::io, "{}: cannot be written", path_.string());
}

void MetricsLog::append(const LogRecord& r) {
  nlohmann::ordered_json json;
  json["step"] = r.step;
  json["epoch"] = r.epoch;
  json["errD_real"] = r.results.errD_real;
  json["errD_fake"] = r.results.errD_fake;
  json["errD"] = r.results.errD();
  json["errG"] = r.results.errG;
  json["D_x"] = r.results.D_x;
  json["D_G_z1"] = r.results.D_G_z1;
  json["D_G_z2"] = r.results.D_G_z2;
  json["accuracy"] = r.results.accuracy;
  json["images_per_second"] = r.images_per_second;
  json["trained_seconds"] = r.trained_seconds;
  const std::string line = json.dump() + "\n";
  stream_ << line << std::flush;
  if (!stream_) fail(ErrorKind::io, "{}: writing {} bytes failed", path_.string(), line.size());
  bytes_ += line.size();
}

}  // namespace dcgan
