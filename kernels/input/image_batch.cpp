#include "kernels/input/image_batch.h"

#include "kernels/common/checks.h"
#include "kernels/input/image_batch_variants.h"
#include "runtime/base/build_config.h"

namespace dcgan {

void gather_images(const Context& context, ConstTensorView images, ConstTensorView indices,
                   ConstTensorView flips, TensorView out) {
  constexpr const char* kName = "gather_images";
  checks::dtype(kName, "images", images, {DType::u8});
  checks::shape(kName, "images", images, images.shape);
  DCGAN_CHECK(images.shape.rank() == 4, "{}: images have shape {}, expected (M, H, W, C)", kName,
              to_string(images.shape));
  checks::dtype(kName, "out", out, {DType::f32, DType::bf16});
  DCGAN_CHECK(out.shape.rank() == 4, "{}: out has shape {}, expected (N, H, W, C)", kName,
              to_string(out.shape));
  checks::shape(kName, "out", out, images.shape.with_rows(out.shape[0]));
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
