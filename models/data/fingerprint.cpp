#include "models/data/fingerprint.h"

#include "runtime/io/files.h"

namespace dcgan {

std::string contents_hash(const Dataset& dataset) {
  if (!dataset.stored_hash.empty()) return dataset.stored_hash;
  const ConstTensorView images = dataset.images();
  return bytes_hash({static_cast<const std::byte*>(images.data), images.bytes()});
}

}  // namespace dcgan
