#include "kernels/input/latent.h"

#include "kernels/common/checks.h"
#include "kernels/input/latent_variants.h"
#include "runtime/base/build_config.h"

namespace dcgan {

void draw_latent(const Context& context, ConstTensorView step, TensorView z,
                 const LatentOptions& options) {
  constexpr const char* kName = "draw_latent";
  checks::dtype(kName, "step", step, {DType::i64});
  checks::elements(kName, "step", step, 1);
  checks::dtype(kName, "z", z, {DType::f32, DType::bf16});
  checks::shape(kName, "z", z, z.shape);
  DCGAN_CHECK(z.shape.rank() == 2, "{}: z has shape {}, expected (N, nz)", kName,
              to_string(z.shape));
  // A sample's index is one 32-bit word of the counter: beyond it numbers would repeat.
  constexpr std::int64_t kSamples = std::int64_t{1} << 32;
  DCGAN_CHECK(z.shape[0] <= kSamples - options.first_sample,
              "{}: samples {} .. {} do not fit in 32 bits", kName, options.first_sample,
              options.first_sample + z.shape[0]);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::draw_latent(context, step, z, options);
  }
  cpu::draw_latent(context, step, z, options);
}

}  // namespace dcgan
