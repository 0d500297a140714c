#include "models/data/dataset.h"

#include <limits>

#include "models/data/formats/sources.h"

namespace dcgan {

void check_dataset_options(const DatasetOptions& options) {
  if (options.image_size < 8 || options.image_size > 1024) {
    fail(ErrorKind::config, "data: image size {} is not in 8..1024", options.image_size);
  }
  if (options.channels != 1 && options.channels != 3) {
    fail(ErrorKind::config, "data: {} channels, 1 or 3 are possible", options.channels);
  }
  if (options.workers < 0) fail(ErrorKind::config, "data: {} workers", options.workers);
  const std::int64_t most = std::numeric_limits<std::uint32_t>::max();
  if (options.kind == DatasetKind::strokes && (options.count < 1 || options.count > most)) {
    fail(ErrorKind::config, "data: {} images to draw, 1..{} are possible", options.count, most);
  }
  if (options.kind != DatasetKind::folder && !options.classes.empty()) {
    fail(ErrorKind::config, "data: classes are chosen by sub-folder, only a folder has them");
  }
  if (options.kind != DatasetKind::folder && !options.cache.empty()) {
    fail(ErrorKind::config, "data: a cache serves a folder of images only");
  }
}

Dataset load_dataset(const DatasetOptions& options) {
  check_dataset_options(options);
  if (options.kind == DatasetKind::strokes) return draw_strokes(options);
  if (options.path.empty()) fail(ErrorKind::config, "data: no path given");
  switch (options.kind) {
    case DatasetKind::mnist:
      return load_idx(options);
    case DatasetKind::cifar10:
    case DatasetKind::cifar100:
      return load_cifar(options);
    case DatasetKind::folder:
      return load_image_folder(options);
    case DatasetKind::packed:
      return load_packed(options);
    case DatasetKind::strokes:
      break;
  }
  fail(ErrorKind::internal, "data: unknown kind {}", static_cast<int>(options.kind));
}

}  // namespace dcgan
