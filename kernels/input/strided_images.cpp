#include "kernels/input/strided_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "kernels/common/checks.h"
#include "kernels/input/strided_images_variants.h"
#include "runtime/base/build_config.h"

namespace dcgan {
namespace {

constexpr const char* kName = "store_images";

constexpr std::int64_t kLongestReach = std::numeric_limits<std::int64_t>::max() / 64;

/// Elements before and behind the first one that y's memory reaches to.
struct Reach {
  std::int64_t before = 0;
  std::int64_t behind = 0;
};

Reach reach_of(const StridedImages& y) {
  Reach reach;
  for (int axis = 0; axis < 4; ++axis) {
    const std::int64_t span = (y.shape[axis] - 1) * y.strides[static_cast<std::size_t>(axis)];
    (span < 0 ? reach.before : reach.behind) += std::abs(span);
  }
  return reach;
}

/// The stride of an axis of one element is never used; it may be anything.
StridedImages without_unused_strides(StridedImages y) {
  for (std::size_t axis = 0; axis < 4; ++axis) {
    if (y.shape[static_cast<int>(axis)] <= 1) y.strides[axis] = 0;
  }
  return y;
}

void check_disjoint(ConstTensorView x, const StridedImages& y, const Reach& reach) {
  const auto size = static_cast<std::int64_t>(size_of(y.type));
  const std::byte* begin = static_cast<const std::byte*>(y.data) - reach.before * size;
  const ConstTensorView whole(begin, {(reach.before + reach.behind + 1) * size}, DType::u8);
  checks::disjoint(kName, "x", x, "y", whole);
}

}  // namespace

std::string fault_of_strides(const StridedImages& given) {
  const StridedImages images = without_unused_strides(given);
  std::array<std::pair<std::int64_t, std::int64_t>, 4> axes;  // stride, extent
  for (std::size_t axis = 0; axis < 4; ++axis) {
    const std::int64_t extent = images.shape[static_cast<int>(axis)];
    const std::int64_t stride = images.strides[axis];
    const std::int64_t longest = kLongestReach / std::max<std::int64_t>(extent, 1);
    if (stride < -longest || stride > longest) {
      return fmt::format("a stride of {} for {} elements", stride, extent);
    }
    axes[axis] = {std::abs(stride), extent};
  }
  std::sort(axes.begin(), axes.end());
  std::int64_t spanned = 0;
  for (const auto& [stride, extent] : axes) {
    if (extent <= 1) continue;
    if (stride <= spanned) {
      const auto& s = given.strides;
      return fmt::format("strides {}, {}, {}, {} of N, H, W, C let elements of {} share memory",
                         s[0], s[1], s[2], s[3], to_string(given.shape));
    }
    spanned += stride * (extent - 1);
  }
  return {};
}

StridedImages StridedImages::rows(std::int64_t first, std::int64_t count) const {
  DCGAN_CHECK(first >= 0 && count >= 0 && first + count <= shape[0], "images: rows {}..{} of {}",
              first, first + count, to_string(shape));
  StridedImages part = *this;
  const std::int64_t bytes = first * strides[0] * static_cast<std::int64_t>(size_of(type));
  part.data = static_cast<std::byte*>(data) + bytes;
  part.shape = shape.with_rows(count);
  return part;
}

std::array<std::int64_t, 4> channels_last_strides(const Shape& s) {
  return {s[1] * s[2] * s[3], s[2] * s[3], s[3], 1};
}

std::array<std::int64_t, 4> channels_first_strides(const Shape& s) {
  return {s[1] * s[2] * s[3], s[2], 1, s[1] * s[2]};
}

std::optional<TensorView> as_tensor(const StridedImages& images) {
  const std::array<std::int64_t, 4> wanted = channels_last_strides(images.shape);
  for (std::size_t axis = 0; axis < 4; ++axis) {
    const bool free = images.shape[static_cast<int>(axis)] <= 1;  // its stride is never used
    if (!free && images.strides[axis] != wanted[axis]) return std::nullopt;
  }
  switch (images.type) {
    case ImageType::f32:
      return TensorView(images.data, images.shape, DType::f32);
    case ImageType::bf16:
      return TensorView(images.data, images.shape, DType::bf16);
    case ImageType::u8:
      return TensorView(images.data, images.shape, DType::u8);
    case ImageType::f16:
      break;
  }
  return std::nullopt;
}

void store_images(const Context& context, ConstTensorView x, const StridedImages& images) {
  const StridedImages y = images.shape.rank() == 4 ? without_unused_strides(images) : images;
  checks::dtype(kName, "x", x, {DType::f32, DType::bf16});
  DCGAN_CHECK(x.shape.rank() == 4, "{}: x has shape {}, expected (N, H, W, C)", kName,
              to_string(x.shape));
  checks::shape(kName, "x", x, y.shape);
  if (x.elements() == 0) return;
  const auto address = reinterpret_cast<std::uintptr_t>(y.data);
  DCGAN_CHECK(y.data != nullptr && address % size_of(y.type) == 0, "{}: y at {} holds {}", kName,
              y.data, name_of(y.type));
  const std::string fault = fault_of_strides(y);
  DCGAN_CHECK(fault.empty(), "{}: {}", kName, fault);
  check_disjoint(x, y, reach_of(y));
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::store_images(context, x, y);
  }
  cpu::store_images(context, x, y);
}

}  // namespace dcgan
