#include "apps/data_path.h"

#include "runtime/base/errors.h"

namespace dcgan {

void require_data(const DatasetOptions& options) {
  std::error_code error;
  if (options.path.empty() || std::filesystem::exists(options.path, error)) return;
  fail(ErrorKind::io, "--data {}: not found", options.path.string());
}

}  // namespace dcgan
