// Passes over memory on more elements than three turns of their largest grid cover: a stride that
// is wrong shows in the second turn or the third.
#include "kernels/common/cuda/reduce.h"
#include "tests/cases/batch_norm.h"
#include "tests/cases/elementwise.h"
#include "tests/cases/image_batch.h"
#include "tests/kernels/support.h"

namespace dcgan::test {
namespace {

constexpr Device kGpu{DeviceType::cuda, 0};

/// Not a multiple of a vector either.
std::int64_t three_turns(DType dtype) {
  const auto values_of_thread = 16 / static_cast<std::int64_t>(size_of(dtype));
  return 3 * cuda::kOneWave * 256 * values_of_thread + 13;
}

}  // namespace

TEST_CASE("activations cover what their grid does not") {
  const Context context(kGpu);
  check_activation(context, {Activation::leaky_relu, 0.2f}, three_turns(DType::bf16), DType::bf16,
                   assertions("leaky_relu"));
}

TEST_CASE("sums in place cover what their grid does not") {
  const Context context(kGpu);
  check_add(context, three_turns(DType::f32), assertions("add"));
}

TEST_CASE("conversions of type cover what their grid does not") {
  const Context context(kGpu);
  check_type_conversion(context, three_turns(DType::f32), assertions("convert"));
}

TEST_CASE("batch norm's threads go round their rows three times, and once more in part") {
  // 134 tiles of channels leave a group one chunk: 25 rows a thread, of which 8 or 4 are loaded at
  // once, and 24 for those past the last row.
  const Context context(kGpu);
  const NormCase one{{197, 1, 1, 4257}, {{Activation::leaky_relu, 0.2f}, 1}};
  check_norm(context, one, DType::bf16, assertions(to_string(one)));
}

TEST_CASE("batches of more images than three turns of the grid are gathered") {
  const Context context(kGpu);
  ImageBatchCase one{{5, 1, 2, 2}, std::vector<double>(12300), std::vector<double>(12300)};
  for (std::size_t i = 0; i < one.indices.size(); ++i) {
    one.indices[i] = static_cast<double>(i * 7 % 5);
    one.flips[i] = static_cast<double>(i % 3 / 2);
  }
  check_image_batch(context, one, DType::f32, assertions(to_string(one)));
}

}  // namespace dcgan::test
