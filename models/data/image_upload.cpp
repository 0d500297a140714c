#include "models/data/image_upload.h"

#include <cstring>

namespace dcgan {
namespace {

std::size_t bytes_of(const Shape& batch) {
  return static_cast<std::size_t>(batch.elements() + batch[0]);  // images and flips
}

}  // namespace

ImageUpload::ImageUpload(const Context& context, const Shape& batch)
    : copies_(context.device()),
      batch_(batch),
      slots_{{{Buffer(context, bytes_of(batch), MemoryKind::pinned),
               Buffer(context, bytes_of(batch)), Event(context), Event(context)},
              {Buffer(context, bytes_of(batch), MemoryKind::pinned),
               Buffer(context, bytes_of(batch)), Event(context), Event(context)}}},
      received_buffer_(context, bytes_of(batch)) {}

void ImageUpload::send(ConstTensorView images, const ImageSelection& selection) {
  DCGAN_CHECK(under_way() < 2, "image upload: {} batches are under way", under_way());
  DCGAN_CHECK(static_cast<std::int64_t>(selection.indices.size()) == batch_[0] &&
                  (selection.flips.empty() || selection.flips.size() == selection.indices.size()),
              "image upload: {} images and {} flips for a batch of {}", selection.indices.size(),
              selection.flips.size(), batch_[0]);
  Slot& to = slot(sent_);
  to.uploaded.synchronize();  // of the batch before last, from the same staging buffer
  std::byte* out = to.staging.data();
  const auto image_bytes = static_cast<std::size_t>(batch_.elements() / batch_[0]);
  for (const std::int64_t index : selection.indices) {
    std::memcpy(out, images.rows(index, 1).data, image_bytes);
    out += image_bytes;
  }
  if (selection.flips.empty()) {
    std::memset(out, 0, selection.indices.size());
  } else {
    std::memcpy(out, selection.flips.data(), selection.flips.size());
  }
  to.received.wait_on(copies_);
  enqueue_upload(copies_, whole(to.staging), whole(to.arrived));
  to.uploaded.record(copies_);
  ++sent_;
}

void ImageUpload::receive(const Context& context) {
  DCGAN_CHECK(under_way() > 0, "image upload: nothing was sent");
  Slot& from = slot(received_);
  from.uploaded.wait_on(context);
  copy(context, whole(from.arrived), whole(received_buffer_));
  from.received.record(context);
  ++received_;
}

}  // namespace dcgan
