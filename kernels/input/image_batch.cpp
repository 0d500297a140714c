#include "kernels/input/image_batch.h"

#include "kernels/common/checks.h"
#include "kernels/input/image_batch_variants.h"
#include "runtime/base/build_config.h"

namespace dcgan {
namespace {

void check_batch(const char* operation, ConstTensorView images, TensorView out) {
  checks::dtype(operation, "images", images, {DType::u8});
  checks::shape(operation, "images", images, images.shape);
  DCGAN_CHECK(images.shape.rank() == 4, "{}: images have shape {}, expected (M, H, W, C)",
              operation, to_string(images.shape));
  checks::dtype(operation, "out", out, {DType::f32, DType::bf16});
  DCGAN_CHECK(out.shape.rank() == 4, "{}: out has shape {}, expected (N, H, W, C)", operation,
              to_string(out.shape));
  checks::shape(operation, "out", out, images.shape.with_rows(out.shape[0]));
}

}  // namespace

void gather_images(const Context& context, ConstTensorView images, ConstTensorView indices,
                   ConstTensorView flips, TensorView out) {
  constexpr const char* kName = "gather_images";
  check_batch(kName, images, out);
  checks::dtype(kName, "indices", indices, {DType::i64});
  checks::elements(kName, "indices", indices, out.shape[0]);
  if (!flips.empty()) {
    checks::dtype(kName, "flips", flips, {DType::u8});
    checks::elements(kName, "flips", flips, out.shape[0]);
  }
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::gather_images(context, images, indices, flips, out);
  }
  cpu::gather_images(context, images, indices, flips, out);
}

void gather_scheduled_images(const Context& context, ConstTensorView images,
                             const ImageSchedule& schedule, TensorView out) {
  constexpr const char* kName = "gather_scheduled_images";
  check_batch(kName, images, out);
  const ImageSchedule& s = schedule;
  checks::dtype(kName, "order", s.order, {DType::i64});
  DCGAN_CHECK(s.order.shape.rank() == 2 && s.order.elements() > 0,
              "{}: order has shape {}, expected (E, M)", kName, to_string(s.order.shape));
  checks::dtype(kName, "number", s.number, {DType::i64});
  checks::elements(kName, "number", s.number, 1);
  DCGAN_CHECK(s.updates_per_epoch >= 1 && s.stride >= 1 &&
                  s.updates_per_epoch * s.stride <= s.order.shape[1],
              "{}: {} updates of {} images in epochs of {}", kName, s.updates_per_epoch, s.stride,
              s.order.shape[1]);
  DCGAN_CHECK(s.first >= 0 && s.first + out.shape[0] <= s.stride,
              "{}: images {} .. {} of an update's {}", kName, s.first, s.first + out.shape[0],
              s.stride);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::gather_scheduled_images(context, images, schedule, out);
  }
  cpu::gather_scheduled_images(context, images, schedule, out);
}

void images_to_uint8(const Context& context, ConstTensorView x, TensorView y) {
  constexpr const char* kName = "images_to_uint8";
  checks::dtype(kName, "x", x, {DType::f32, DType::bf16});
  checks::shape(kName, "x", x, x.shape);
  checks::dtype(kName, "y", y, {DType::u8});
  checks::shape(kName, "y", y, x.shape);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::images_to_uint8(context, x, y);
  }
  cpu::images_to_uint8(context, x, y);
}

}  // namespace dcgan
