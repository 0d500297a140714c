#include "models/api/caller_images.h"

#include <algorithm>
#include <cstdint>

#include "models/api/sized_struct.h"

namespace dcgan::api {
namespace {

ImageType type_of(std::int32_t type) {
  switch (type) {
    case DCGAN_TYPE_FLOAT32:
      return ImageType::f32;
    case DCGAN_TYPE_BFLOAT16:
      return ImageType::bf16;
    case DCGAN_TYPE_FLOAT16:
      return ImageType::f16;
    case DCGAN_TYPE_UINT8:
      return ImageType::u8;
    default:
      misuse("type {} is no dcgan_type", type);
  }
}

std::array<std::int64_t, 4> strides_of(const dcgan_images& images, const Shape& shape) {
  const bool first = images.layout == DCGAN_LAYOUT_NCHW;
  const std::int64_t* given = images.strides;
  if (std::all_of(given, given + 4, [](std::int64_t stride) { return stride == 0; })) {
    return first ? channels_first_strides(shape) : channels_last_strides(shape);
  }
  if (first) return {given[0], given[2], given[3], given[1]};
  return {given[0], given[1], given[2], given[3]};
}

}  // namespace

dcgan_memory checked_memory(std::int32_t memory) {
  if (memory != DCGAN_MEMORY_HOST && memory != DCGAN_MEMORY_DEVICE) {
    misuse("memory {} is no dcgan_memory", memory);
  }
  return static_cast<dcgan_memory>(memory);
}

dcgan_images read_images(const dcgan_images* given) {
  if (given == nullptr) misuse("images is NULL");
  const dcgan_images images = read_struct(given, "dcgan_images");
  if (images.count < 0) misuse("count {} is negative", images.count);
  if (images.count > 0 && images.data == nullptr) {
    misuse("data is NULL for {} images", images.count);
  }
  type_of(images.type);
  checked_memory(images.memory);
  if (images.layout != DCGAN_LAYOUT_NHWC && images.layout != DCGAN_LAYOUT_NCHW) {
    misuse("layout {} is no dcgan_layout", images.layout);
  }
  if (images.reserved != 0) misuse("reserved is {}, not 0", images.reserved);
  return images;
}

StridedImages caller_images(const dcgan_images& images, const Shape& shape) {
  const StridedImages result{images.data, shape, strides_of(images, shape), type_of(images.type)};
  if (reinterpret_cast<std::uintptr_t>(images.data) % size_of(result.type) != 0) {
    misuse("data at {} is not aligned to {}", images.data, name_of(result.type));
  }
  if (const std::string fault = fault_of_strides(result); !fault.empty()) misuse("{}", fault);
  return result;
}

}  // namespace dcgan::api
