#include <algorithm>

#include "kernels/common/cuda/reduce.h"
#include "kernels/common/cuda/vector.h"
#include "kernels/input/image_batch_variants.h"
#include "kernels/input/image_terms.h"

namespace dcgan::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kMostBlocks = 4096;

struct GatherArguments {
  const std::uint8_t* images;  // (M, H, W, C)
  int count;                   // images of the batch
  int width;
  int channels;
  int image_elements;  // H * W * C
};

struct Place {
  std::int64_t index;  // of an image
  bool flip;
};

/// Places as the caller lists them.
struct ListedPlaces {
  const std::int64_t* indices;  // (N)
  const std::uint8_t* flips;    // (N), or null
  __device__ __forceinline__ Place at(std::int64_t n) const {
    return {indices[n], flips != nullptr && flips[n] != 0};
  }
};

/// Places of one update.
struct EntryPlaces {
  const std::int64_t* entries;  // (N)
  __device__ __forceinline__ Place at(std::int64_t n) const {
    const std::int64_t entry = entries[n];
    return {entry >> 1, (entry & 1) != 0};
  }
};

/// ImageSchedule, with plain pointers.
struct ScheduleArguments {
  const std::int64_t* order;  // (epochs, images)
  const std::int64_t* number;
  std::int64_t epochs;
  std::int64_t images;
  std::int64_t updates_per_epoch;
  std::int64_t stride;
  std::int64_t first;
};

/// Each operation rounded, as torchvision's; the division by 1/2 is exact. value / 255 is a product
/// and its correction, which for the 256 values gives what the division does.
__device__ __forceinline__ float normalised(std::uint8_t value) {
  constexpr float reciprocal = 1.0f / 255.0f;
  const auto x = static_cast<float>(value);
  const float about = x * reciprocal;
  const float quotient = fmaf(fmaf(-about, 255.0f, x), reciprocal, about);
  return (quotient - 0.5f) * 2.0f;
}

/// Neighbours of a mirrored image, byte by byte: no piece of a row is wider than a pixel.
template <int width>
__device__ __forceinline__ Values<width> mirrored(const GatherArguments& arguments,
                                                  const std::uint8_t* image, int element) {
  const int pixel = element / arguments.channels;
  int channel = element - pixel * arguments.channels;
  int column = pixel % arguments.width;
  int row_start = (pixel - column) * arguments.channels;
  Values<width> values;
#pragma unroll
  for (int i = 0; i < width; ++i) {
    const int from = (arguments.width - 1 - column) * arguments.channels + channel;
    values.v[i] = normalised(image[row_start + from]);
    if (i + 1 < width && ++channel == arguments.channels) {
      channel = 0;
      if (++column == arguments.width) {
        column = 0;
        row_start += arguments.width * arguments.channels;
      }
    }
  }
  return values;
}

/// Neighbours as they lie: `width` bytes in one access when they are aligned.
template <int width>
__device__ __forceinline__ Values<width> as_they_lie(const std::uint8_t* from, bool aligned) {
  std::uint8_t bytes[width];
  if (width > 1 && aligned) {
    check_access(from, width);
#pragma unroll
    for (int word = 0; word < width / 4; ++word) {
      const unsigned four = reinterpret_cast<const unsigned*>(from)[word];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        bytes[4 * word + i] = static_cast<std::uint8_t>(four >> (8 * i) & 0xffu);
      }
    }
  } else {
#pragma unroll
    for (int i = 0; i < width; ++i) bytes[i] = from[i];
  }
  Values<width> values;
#pragma unroll
  for (int i = 0; i < width; ++i) values.v[i] = normalised(bytes[i]);
  return values;
}

/// A block has `kThreads` pieces of every gridDim.y-th image. One thread writes `width` neighbours:
/// image_elements is a multiple of `width`.
template <class T, int width, class Places>
__device__ __forceinline__ void gather(const GatherArguments& arguments, const Places& places,
                                       T* out) {
  const int element = static_cast<int>(blockIdx.x * kThreads + threadIdx.x) * width;
  if (element >= arguments.image_elements) return;
  const bool aligned = reinterpret_cast<std::uintptr_t>(arguments.images) % 4 == 0;
  for (int n = static_cast<int>(blockIdx.y); n < arguments.count;
       n += static_cast<int>(gridDim.y)) {
    const Place place = places.at(n);
    const std::uint8_t* image =
        arguments.images + place.index * std::int64_t{arguments.image_elements};
    const Values<width> values = place.flip ? mirrored<width>(arguments, image, element)
                                            : as_they_lie<width>(image + element, aligned);
    store<width>(out + std::int64_t{n} * arguments.image_elements + element, values);
  }
}

template <class T, int width>
__global__ void __launch_bounds__(kThreads)
    gather_images_kernel(GatherArguments arguments, ListedPlaces places, T* out) {
  start_after_previous();
  gather<T, width>(arguments, places, out);
}

/// One thread of a block looks up where the update's entries begin: 64-bit divisions are slow.
template <class T, int width>
__global__ void __launch_bounds__(kThreads)
    gather_scheduled_images_kernel(GatherArguments arguments, ScheduleArguments schedule, T* out) {
  start_after_previous();
  DCGAN_SHARED(std::int64_t, begin, [1]);
  if (threadIdx.x == 0) {
    const std::int64_t update = *schedule.number;
    const std::int64_t epoch = update / schedule.updates_per_epoch;
    const std::int64_t batch = update - epoch * schedule.updates_per_epoch;
    begin[0] = epoch % schedule.epochs * schedule.images + batch * schedule.stride + schedule.first;
  }
  __syncthreads();
  gather<T, width>(arguments, EntryPlaces{schedule.order + begin[0]}, out);
}

/// Four values a thread; `count` is a multiple of four, x of 16 bytes, y of four.
template <class T>
__global__ void __launch_bounds__(kThreads)
    images_to_uint8_kernel(const T* x, std::uint8_t* y, std::int64_t count) {
  start_after_previous();
  const std::int64_t stride = std::int64_t{gridDim.x} * kThreads * 4;
  for (std::int64_t at = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) * 4; at < count;
       at += stride) {
    const Values<4> values = load<4>(x + at);
    check_access(y + at, 4);
    *reinterpret_cast<unsigned*>(y + at) =
        unsigned{quantised(values.v[0])} | unsigned{quantised(values.v[1])} << 8 |
        unsigned{quantised(values.v[2])} << 16 | unsigned{quantised(values.v[3])} << 24;
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    images_to_uint8_tail_kernel(const T* x, std::uint8_t* y, std::int64_t count) {
  start_after_previous();
  const std::int64_t stride = std::int64_t{gridDim.x} * kThreads;
  for (std::int64_t at = std::int64_t{blockIdx.x} * kThreads + threadIdx.x; at < count;
       at += stride) {
    y[at] = quantised(load_one(x + at));
  }
}

GatherArguments gather_arguments(ConstTensorView images, TensorView out) {
  return {images.as<std::uint8_t>(), static_cast<int>(out.shape[0]), static_cast<int>(out.shape[2]),
          static_cast<int>(out.shape[3]), static_cast<int>(out.elements() / out.shape[0])};
}

/// Calls body.template operator()<T, width>(blocks).
template <class Body>
void with_gather_shape(TensorView out, const Body& body) {
  const std::int64_t image_elements = out.elements() / out.shape[0];
  with_storage(out.dtype, [&]<class T>() {
    const auto blocks = [&](int width) {
      const std::int64_t across = (image_elements / width + kThreads - 1) / kThreads;
      const std::int64_t down = std::max<std::int64_t>(kMostBlocks / across, 1);
      return dim3(static_cast<unsigned>(across),
                  static_cast<unsigned>(std::min(out.shape[0], down)));
    };
    if (image_elements % kWide<T> == 0 && aligned16(out.as<T>())) {
      body.template operator()<T, kWide<T>>(blocks(kWide<T>));
    } else {
      body.template operator()<T, 1>(blocks(1));
    }
  });
}

}  // namespace

void gather_images(const Context& context, ConstTensorView images, ConstTensorView indices,
                   ConstTensorView flips, TensorView out) {
  if (out.elements() == 0) return;
  const ListedPlaces places{indices.as<std::int64_t>(),
                            flips.empty() ? nullptr : flips.as<std::uint8_t>()};
  with_gather_shape(out, [&]<class T, int width>(dim3 blocks) {
    launch(context, gather_images_kernel<T, width>,
           {"gather_images_kernel", blocks, dim3(kThreads)}, gather_arguments(images, out), places,
           out.as<T>());
  });
}

void gather_scheduled_images(const Context& context, ConstTensorView images,
                             const ImageSchedule& schedule, TensorView out) {
  if (out.elements() == 0) return;
  const ScheduleArguments arguments{schedule.order.as<std::int64_t>(),
                                    schedule.number.as<std::int64_t>(),
                                    schedule.order.shape[0],
                                    schedule.order.shape[1],
                                    schedule.updates_per_epoch,
                                    schedule.stride,
                                    schedule.first};
  with_gather_shape(out, [&]<class T, int width>(dim3 blocks) {
    launch(context, gather_scheduled_images_kernel<T, width>,
           {"gather_scheduled_images_kernel", blocks, dim3(kThreads)},
           gather_arguments(images, out), arguments, out.as<T>());
  });
}

void images_to_uint8(const Context& context, ConstTensorView x, TensorView y) {
  with_storage(x.dtype, [&]<class T>() {
    const T* from = x.as<T>();
    auto* to = y.as<std::uint8_t>();
    const std::int64_t wide = aligned16(from, to) ? x.elements() / 4 * 4 : 0;
    const std::int64_t tail = x.elements() - wide;
    if (wide > 0) {
      launch(
          context, images_to_uint8_kernel<T>,
          {"images_to_uint8_kernel", blocks_for(wide / 4, kThreads, kMostBlocks), dim3(kThreads)},
          from, to, wide);
    }
    if (tail > 0) {
      launch(
          context, images_to_uint8_tail_kernel<T>,
          {"images_to_uint8_tail_kernel", blocks_for(tail, kThreads, kMostBlocks), dim3(kThreads)},
          from + wide, to + wide, tail);
    }
  });
}

}  // namespace dcgan::cuda
