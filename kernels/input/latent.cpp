#include "kernels/input/latent.h"

#include "kernels/common/checks.h"
#include "kernels/input/latent_variants.h"
#include "runtime/base/build_config.h"

namespace dcgan {
namespace {

void check(const char* operation, ConstTensorView draw, TensorView z,
           const LatentOptions& options) {
  checks::dtype(operation, "draw", draw, {DType::i64});
  checks::elements(operation, "draw", draw, 1);
  checks::dtype(operation, "z", z, {DType::f32, DType::bf16});
  checks::shape(operation, "z", z, z.shape);
  DCGAN_CHECK(z.shape.rank() == 2, "{}: z has shape {}, expected (N, nz)", operation,
              to_string(z.shape));
  // A sample's index is one 32-bit word of the counter: beyond it numbers would repeat.
  constexpr std::int64_t kSamples = std::int64_t{1} << 32;
  DCGAN_CHECK(z.shape[0] <= kSamples - options.first_sample,
              "{}: samples {} .. {} do not fit in 32 bits", operation, options.first_sample,
              options.first_sample + z.shape[0]);
}

}  // namespace

void draw_latent(const Context& context, ConstTensorView draw, TensorView z,
                 const LatentOptions& options) {
  check("draw_latent", draw, z, options);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::draw_latent(context, draw, z, options);
  }
  cpu::draw_latent(context, draw, z, options);
}

void draw_next_latent(const Context& context, TensorView draw, TensorView z,
                      const LatentOptions& options) {
  check("draw_next_latent", draw, z, options);
  DCGAN_CHECK(z.elements() > 0, "draw_next_latent: z has shape {}", to_string(z.shape));
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::draw_next_latent(context, draw, z, options);
  }
  cpu::draw_next_latent(context, draw, z, options);
}

}  // namespace dcgan
